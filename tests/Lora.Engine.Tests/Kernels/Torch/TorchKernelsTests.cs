using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>The kernels made of libtorch's operators against autograd of the plain formulas, in float64.</summary>
public class TorchKernelsTests
{
    private const double Tolerance = 1e-12;

    private readonly TorchKernels kernels = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_gradient_of_the_norm_is_autograd_s(bool byHead)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Draw(5, 3, 12).requires_grad_();
        Tensor weight = byHead ? Draw(3, 12) : Draw(12);
        Tensor dy = Draw(5, 3, 12);
        Tensor expected = x * x.square().mean([-1], keepdim: true).add(1e-5).rsqrt() * weight;
        expected.backward([dy]);
        Tensor dx = ones_like(dy);
        using TensorStack stack = new(CPU);
        using NormWeight norm = NormWeight.Of(weight, ScalarType.Float64);
        (Tensor y, Tensor scale) = kernels.NormForward(x.detach(), norm, 1e-5, stack, stack);
        kernels.NormBackward(x.detach(), norm, scale, dy, dx, accumulate: true);

        Assert.InRange(Closeness.Relative(y, expected), 0, Tolerance);
        Assert.InRange(Closeness.Relative(dx, x.grad! + 1), 0, Tolerance);
    }

    [Fact]
    public void Dropout_keeps_its_share_scaled_and_draws_the_same_from_the_same_seed()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Draw(512, 512);
        Tensor y = empty_like(x);
        Tensor again = empty_like(x);
        Tensor other = empty_like(x);
        kernels.Drop(x, 0.25, seed: 7, y);
        kernels.Drop(x, 0.25, seed: 7, again);
        kernels.Drop(x, 0.25, seed: 8, other);
        Tensor kept = y.ne(zeros_like(y)).to(ScalarType.Float64);

        Assert.Equal(0.75, kept.mean().ToDouble(), 0.005);
        Assert.InRange(Closeness.Relative(y, x * kept / 0.75), 0, 1e-7);
        Assert.Equal(0, Closeness.Largest(again, y));
        kernels.Drop(x, 0.25, seed: 7, again, accumulate: true);
        Assert.InRange(Closeness.Relative(again, 2 * y), 0, 1e-7);
        Assert.NotEqual(0, Closeness.Largest(other, y));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_gradient_of_a_gate_is_autograd_s(bool isGelu)
    {
        GateActivation activation = isGelu ? GateActivation.TanhGelu : GateActivation.Silu;
        using DisposeScope scope = NewDisposeScope();
        Tensor gateUp = Draw(7, 20).requires_grad_();
        Tensor dy = Draw(7, 10);
        Tensor gate = gateUp.narrow(1, 0, 10);
        Tensor gelu = gate * 0.5 * (1 + ((gate + (gate.pow(3) * 0.044715)) * Math.Sqrt(2 / Math.PI)).tanh());
        Tensor expected = (isGelu ? gelu : nn.functional.silu(gate)) * gateUp.narrow(1, 10, 10);
        expected.backward([dy]);
        Tensor y = empty_like(dy);
        Tensor gradient = empty_like(gateUp, requires_grad: false);
        kernels.GateForward(activation, gateUp.detach(), y);
        kernels.GateBackward(activation, gateUp.detach(), dy, gradient);

        Assert.InRange(Closeness.Relative(y, expected), 0, Tolerance);
        Assert.InRange(Closeness.Relative(gradient, gateUp.grad!), 0, Tolerance);
    }

    [Fact]
    public void The_gradient_of_the_cross_entropy_is_autograd_s()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = Draw(6, 33).requires_grad_();
        Tensor targets = tensor(new long[] { 0, 32, 5, 5, 17, 16 }, device: CPU);
        Tensor expected = nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.Sum);
        (expected * 0.25).backward();
        Tensor gradient = logits.detach().clone();
        Tensor sum = ones([], dtype: ScalarType.Float64, device: CPU);
        kernels.CrossEntropy(gradient, targets, 0.25, sum);
        double loss = sum.ToDouble() - 1; // added to what was there

        Assert.Equal(expected.ToDouble(), loss, Tolerance * loss);
        Assert.InRange(Closeness.Relative(gradient, logits.grad!), 0, Tolerance);
    }

    [Fact]
    public void A_gradient_is_turned_back_by_the_angle_of_the_rotation()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor heads = Draw(5, 2, 8).requires_grad_();
        Tensor gradient = Draw(5, 2, 8);
        Tensor angles = Draw(5, 4);
        Tensor turned = heads.detach().clone();
        RotationAngles tables = Tables(angles);
        kernels.Rotate(turned, tables, backward: false);
        Tensor both = cat([angles, angles], -1).unsqueeze(1);
        Tensor[] halves = heads.chunk(2, -1);
        Tensor expected = (heads * both.cos()) + (cat([halves[1].neg(), halves[0]], -1) * both.sin());
        expected.backward([gradient]);
        kernels.Rotate(gradient, tables, backward: true);

        Assert.InRange(Closeness.Relative(turned, expected), 0, Tolerance);
        Assert.InRange(Closeness.Relative(gradient, heads.grad!), 0, Tolerance);
    }

    /// <summary>Those of angles, [tokens, rotated/2].</summary>
    internal static RotationAngles Tables(Tensor angles) => new(cat([angles.cos(), angles.cos(), angles.sin().neg(), angles.sin()], 1));

    private static Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float64, device: CPU);
}
