using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>The kernels made of libtorch's operators against autograd of the plain formulas, in float64.</summary>
public class TorchKernelsTests
{
    private const double Tolerance = 1e-12;

    private static readonly CardFacts NoCard = new(IsCuda: false, Generation: null, IsWindows: false, HasRepeatableAlgorithms: false);

    private readonly TorchKernels kernels = new();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void The_gradient_of_the_norm_is_autograd_s(bool byHead, bool takesMean)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Draw(5, 3, 12).requires_grad_();
        Tensor weight = byHead ? Draw(3, 12) : Draw(12);
        Tensor dy = Draw(5, 3, 12);
        Tensor? shift = takesMean ? (byHead ? Draw(3, 12) : Draw(12)) : null;
        Tensor centred = takesMean ? x - x.mean([-1], keepdim: true) : x;
        Tensor expected = centred * (centred * centred).mean([-1], keepdim: true).Plus(1e-5).rsqrt() * weight;
        expected = shift is null ? expected : expected.Plus(shift);
        expected.backward([dy]);
        Tensor dx = ones_like(dy);
        using TensorStack stack = new(CPU);
        using NormWeight norm = NormWeight.Of(weight, ScalarType.Float64, shift);
        (Tensor y, NormState state) = kernels.NormForward(x.detach(), norm, 1e-5, stack, stack);
        kernels.NormBackward(x.detach(), norm, state, dy, dx, accumulate: true);

        Assert.InRange(Closeness.Relative(y, expected), 0, Tolerance);
        Assert.InRange(Closeness.Relative(dx, x.grad!.Plus(1.0)), 0, Tolerance);
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
        Assert.InRange(Closeness.Relative(y, (x * kept).Times(1 / 0.75)), 0, 1e-7);
        Assert.Equal(0, Closeness.Largest(again, y));
        kernels.Drop(x, 0.25, seed: 7, again, accumulate: true);
        Assert.InRange(Closeness.Relative(again, y.Times(2)), 0, 1e-7);
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
        Tensor gelu = gate.Times(0.5) * gate.Plus((gate * gate * gate).Times(0.044715)).Times(Math.Sqrt(2 / Math.PI)).tanh().Plus(1.0);
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
    public void The_gradients_of_activations_are_autograd_s()
    {
        AssertActivation(PlainActivation.Gelu, x => x.Times(0.5) * x.Times(Math.Sqrt(0.5)).erf().Plus(1.0));
        AssertActivation(PlainActivation.TanhGelu, x => x.Times(0.5) * x.Plus((x * x * x).Times(0.044715)).Times(Math.Sqrt(2 / Math.PI)).tanh().Plus(1.0));
        AssertActivation(PlainActivation.QuickGelu, x => x * x.Times(1.702).sigmoid());
        AssertActivation(PlainActivation.Relu, x => x * x.gt(zeros_like(x)).to(ScalarType.Float64));
        AssertActivation(PlainActivation.Silu, x => x * x.sigmoid());

        void AssertActivation(PlainActivation activation, Func<Tensor, Tensor> function)
        {
            using DisposeScope scope = NewDisposeScope();
            (Tensor x, Tensor dy, Tensor y, Tensor dx) = (Draw(7, 10).Times(3).requires_grad_(), Draw(7, 10), Draw(7, 10), Draw(7, 10));
            Tensor expected = function(x);
            expected.backward([dy]);
            kernels.ActivationForward(activation, x.detach(), y);
            kernels.ActivationBackward(activation, x.detach(), dy, dx);
            Assert.InRange(Closeness.Relative(y, expected), 0, Tolerance);
            Assert.InRange(Closeness.Relative(dx, x.grad!), 0, Tolerance);
        }
    }

    [Fact]
    public void The_gradient_of_the_cross_entropy_is_autograd_s()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = Draw(6, 33).requires_grad_();
        Tensor targets = tensor(new long[] { 0, 32, 5, 5, 17, 16 }, device: CPU);
        Tensor expected = nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.Sum);
        expected.Times(0.25).backward();
        Tensor gradient = logits.detach().clone();
        Tensor sum = ones([], dtype: ScalarType.Float64, device: CPU);
        kernels.CrossEntropy(gradient, targets, 0.25, sum);
        double loss = sum.ToDouble() - 1; // added to what was there

        Assert.Equal(expected.ToDouble(), loss, Tolerance * loss);
        Assert.InRange(Closeness.Relative(gradient, logits.grad!), 0, Tolerance);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void A_loss_without_its_gradient_is_the_same_number(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = Draw(40, 33).to(type);
        Tensor targets = randint(0, 33, [40], dtype: ScalarType.Int64, device: CPU);
        Tensor sums = zeros([2], dtype: ScalarType.Float64, device: CPU);
        kernels.CrossEntropy(logits.clone(), targets, 0.25, sums[0]);
        kernels.CrossEntropy(logits, targets, factor: null, sums[1]);

        Assert.NotEqual(0, sums[0].ToDouble());
        Assert.Equal(sums[0].ToDouble(), sums[1].ToDouble());
    }

    /// <summary>The formulas and torch's own kernel round in other places.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, 1e-6)]
    [InlineData(ScalarType.Float64, 1e-7)] // the kernel's powers of β are float32
    public void AdamW_by_formulas_is_that_of_torch_s_kernel(ScalarType type, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor start = Draw(3, 101).to(type);
        Tensor gradients = Draw(101).to(type);
        (Tensor[] expected, Tensor[] found) = (Steps(kernels), Steps(new(card: NoCard)));

        Assert.All(expected.Zip(found), pair => Assert.InRange(Closeness.Relative(pair.Second, pair.First), 0, tolerance));

        Tensor[] Steps(TorchKernels tested)
        {
            // Squares are not negative.
            Tensor[] state = [start[0].clone(), start[1].clone(), start[2].abs()];
            foreach (int number in new[] { 1, 2, 30 })
            {
                tested.Adam(state[0], state[1], state[2], gradients, new(1e-2, 0.1, 0.9, 0.999, 1e-8, number), zeros([], dtype: ScalarType.Float32, device: CPU));
            }

            return state;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_skipped_step_of_AdamW_changes_nothing_whatever_the_gradients_are(bool byFormulas)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] state = [.. Enumerable.Range(0, 3).Select(_ => Draw(7).abs().to(ScalarType.Float32))];
        Tensor[] before = [.. state.Select(tensor => tensor.clone())];
        Tensor gradients = Arithmetic.Full([7], double.NaN, ScalarType.Float32, CPU);

        new TorchKernels(card: byFormulas ? NoCard : null).Adam(state[0], state[1], state[2], gradients, new(1e-2, 0.1, 0.9, 0.999, 1e-8, 3), ones([], dtype: ScalarType.Float32, device: CPU));

        Assert.All(state.Zip(before), pair => Assert.Equal(0, Closeness.Largest(pair.First, pair.Second)));
    }

    [Fact]
    public void What_takes_the_place_of_a_whole_operator_is_told_with_the_reason()
    {
        CardFacts card = new(IsCuda: true, new(9, 0), IsWindows: false, HasRepeatableAlgorithms: true);

        Assert.Equal("Norms by formulas (aten::_fused_rms_norm: there is no NVIDIA card)", new TorchKernels(card: NoCard).Way(OperatorNeeds.FusedNorm, ScalarType.BFloat16, CPU));
        Assert.Equal("Norms by formulas (aten::_fused_rms_norm: it does not compute in Int32)", new TorchKernels(card: card).Way(OperatorNeeds.FusedNorm, ScalarType.Int32, CPU));
        Assert.Null(new TorchKernels(card: card).Way(OperatorNeeds.FusedNorm, ScalarType.BFloat16, CPU));
        Assert.Null(kernels.Way(OperatorNeeds.FusedNorm, ScalarType.BFloat16, CPU)); // no choice
    }

    [Fact]
    public void Norms_by_formulas_take_their_wide_tensors_in_passing()
    {
        KernelWidths widths = new(Hidden: 576, Turned: 768, Dropped: 0, ScalarType.BFloat16, META);

        Assert.Equal(10 * 2 * 768 * 2, kernels.Workspace(10, widths)); // what the halves of q and k give to each other
        Assert.Equal(10 * 768 * 7 * 4, new TorchKernels(card: NoCard).Workspace(10, widths));
        Assert.Equal(10 * 768 * 7 * 4, kernels.Workspace(10, widths with { Device = CPU }));
    }

    /// <summary>
    /// Against float64 on the same rounded logits. What a card rounds is each row's logarithm, once and to nearest, so that no sum of them is off by more than half
    /// a place; a processor's operator rounds the sum of a row's exponentials too, half a place of each row. Of the gradient a card rounds the logarithm, its exp
    /// and a product, and autograd the first and the last.
    /// </summary>
    [Theory]
    [InlineData(ScalarType.BFloat16, 8)]
    [InlineData(ScalarType.Float16, 11)]
    public void In_16_bits_the_cross_entropy_of_a_card_is_as_exact_as_its_dtype(ScalarType type, int bits)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = Draw(64, 5003).Times(4).to(type);
        Tensor targets = randint(0, 5003, [64], dtype: ScalarType.Int64, device: CPU);
        (Tensor losses, Tensor expected) = Exact(logits, targets, 64); // a factor as loss scaling gives it
        Tensor graph = logits.clone().requires_grad_();
        graph.log_softmax(-1).gather(1, targets.unsqueeze(1)).sum().Times(-64).backward();
        double most = Math.Min(5e-2, 2 * Closeness.Relative(graph.grad!, expected));
        Tensor sum = zeros([], dtype: ScalarType.Float64, device: CPU);
        TorchKernels.CrossEntropyInPlace(logits, targets, 64, sum);
        double loss = losses.sum().ToDouble();

        Assert.Equal(loss, sum.ToDouble(), Math.Pow(2, -bits) * (loss + 64));
        Assert.InRange(Closeness.Relative(logits, expected), 1e-5, most);
    }

    /// <summary>Each row by itself: its loss, the target's entry in proportion, and all other entries. Float32 adds up a thousand exponentials, and all are rounded once.</summary>
    [Theory]
    [InlineData(ScalarType.BFloat16, 8)]
    [InlineData(ScalarType.Float16, 11)]
    [InlineData(ScalarType.Float32, 24)]
    public void Rows_that_are_sure_hopeless_even_or_far_from_zero_have_their_loss_and_gradient(ScalarType type, int bits)
    {
        using DisposeScope scope = NewDisposeScope();
        double[][] rows =
        [
            [12, .. Enumerable.Repeat(0.0, 999)], // right, and sure: a loss of 0.006
            [0, 80, .. Enumerable.Repeat(0.0, 998)], // wrong, and sure
            [.. Enumerable.Repeat(0.0, 1000)],
            [-4096, -3584, .. Enumerable.Repeat(-4096.0, 998)],
            [.. Enumerable.Repeat(4096.0, 1000)],
        ];
        Tensor logits = tensor([.. rows.SelectMany(row => row)], [5, 1000], device: CPU).to(type);
        Tensor targets = zeros([5], dtype: ScalarType.Int64, device: CPU);
        double rounded = Math.Pow(2, -bits);
        const double added = 1e-5;
        (Tensor losses, Tensor expected) = Exact(logits, targets, 64);
        for (int row = 0; row < 5; row++)
        {
            Tensor gradient = logits.narrow(0, row, 1).clone();
            Tensor sum = zeros([], dtype: ScalarType.Float64, device: CPU);
            kernels.CrossEntropy(gradient, targets.narrow(0, row, 1), 64, sum);
            double target = expected[row, 0].ToDouble();

            Assert.Equal(losses[row].ToDouble(), sum.ToDouble(), added + (losses[row].ToDouble() * 1e-6));
            Assert.Equal(target, gradient[0, 0].to(ScalarType.Float64).ToDouble(), (64 * added) + (rounded * Math.Abs(target)));
            Assert.InRange(Closeness.Largest(gradient[0], expected[row]), 0, 64 * (added + rounded));
        }
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void Of_a_single_class_there_is_nothing_to_learn(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = Draw(3, 1).to(type);
        Tensor sum = zeros([], dtype: ScalarType.Float64, device: CPU);
        kernels.CrossEntropy(logits, zeros([3], dtype: ScalarType.Int64, device: CPU), 1, sum);

        Assert.Equal(0, sum.ToDouble());
        Assert.Equal(0, Closeness.Largest(logits, zeros_like(logits)));
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void A_softmax_that_is_written_over_its_input_is_the_same(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (int width in new[] { 1, 7, 64, 1025, 49152 })
        {
            Tensor x = Draw(19, width).Times(6).to(type);
            Tensor expected = x.log_softmax(-1);
            ResultInto.LogSoftmax(x, x);

            Assert.Equal(0, Closeness.Largest(x, expected));
        }
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
        Tensor expected = (heads * both.cos()).Plus(cat([halves[1].neg(), halves[0]], -1) * both.sin());
        expected.backward([gradient]);
        kernels.Rotate(gradient, tables, backward: true);

        Assert.InRange(Closeness.Relative(turned, expected), 0, Tolerance);
        Assert.InRange(Closeness.Relative(gradient, heads.grad!), 0, Tolerance);
    }

    /// <summary>Those of angles, [tokens, rotated/2].</summary>
    internal static RotationAngles Tables(Tensor angles) => RotationAngles.Of(angles.cos(), angles.sin());

    /// <summary>In float64: the loss of each row, and the gradient of their sum times a factor.</summary>
    private static (Tensor Losses, Tensor Gradient) Exact(Tensor logits, Tensor targets, double factor)
    {
        Tensor x = logits.to(ScalarType.Float64, copy: true).requires_grad_();
        Tensor losses = nn.functional.cross_entropy(x, targets, reduction: nn.Reduction.None);
        losses.sum().Times(factor).backward();
        return (losses.detach(), x.grad!);
    }

    private static Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float64, device: CPU);
}
