using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>Scaled outputs by libtorch's operators against autograd of the plain formula, in float64, and the range of their gradients in float16.</summary>
public class TorchScaleTests
{
    private const double Tolerance = 1e-12;

    private readonly TorchKernels kernels = new();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void The_gradients_of_scaled_outputs_are_autograd_s(bool hasShift, bool hasResidual)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor z, Tensor scale, Tensor dy) = (Draw(5, 12).requires_grad_(), Draw(12).requires_grad_(), Draw(5, 12));
        (Tensor? shift, Tensor? residual) = (hasShift ? Draw(12) : null, hasResidual ? Draw(5, 12) : null);
        Tensor expected = (z * scale).Plus(shift ?? zeros_like(dy)).Plus(residual ?? zeros_like(dy));
        expected.backward([dy]);
        (Tensor y, Tensor dz, Tensor sums) = (empty_like(dy), z.detach().clone(), empty_like(scale));
        using IDisposable noGradient = no_grad();
        kernels.ScaleForward(z, scale, shift, residual, y);
        kernels.ScaleBackward(dy, scale, dz, sums);

        Assert.InRange(Closeness.Relative(y, expected), 0, Tolerance);
        Assert.InRange(Closeness.Relative(dz, z.grad!), 0, Tolerance);
        Assert.InRange(Closeness.Relative(sums, scale.grad!), 0, Tolerance);
    }

    [Fact]
    public void Gradients_of_a_scale_in_float16_have_the_range_of_float32()
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor z, Tensor dy, Tensor scale) = (Draw(300, 12).Times(3000).to(ScalarType.Float16), Draw(300, 12).Times(500).to(ScalarType.Float16), Draw(12).to(ScalarType.Float32));
        Tensor exact = z.to(ScalarType.Float64) * dy.to(ScalarType.Float64);
        (Tensor expected, Tensor dz) = (dy.to(ScalarType.Float64) * scale.to(ScalarType.Float64), z.clone());
        Tensor sums = Arithmetic.Full([12], double.NaN, ScalarType.Float32, CPU);
        kernels.ScaleBackward(dy, scale, dz, sums);

        Assert.True(exact.abs().max().ToDouble() > 65504); // the largest number of float16
        Assert.InRange(Closeness.Relative(sums, exact.sum([0])), 0, 4e-3); // products rounded to 8 bits
        Assert.InRange(Closeness.Relative(dz, expected), 0, 1e-3);
    }

    private static Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float64, device: CPU);
}
