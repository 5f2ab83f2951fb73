using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>g by the low-rank identity against m / ‖W + s (B A - B₀ A₀)‖ written down in float64.</summary>
public sealed class MagnitudeScaleTests : IDisposable
{
    private readonly Generator generator = new(13, CPU);

    /// <inheritdoc/>
    public void Dispose() => generator.Dispose();

    /// <param name="type">Of W.</param>
    /// <param name="hasStart">Whether a start is subtracted.</param>
    /// <param name="undone">How much of W its change takes away again.</param>
    /// <param name="tolerance">Relative.</param>
    [Theory]
    [InlineData(ScalarType.Float64, false, 0, 3e-6)]
    [InlineData(ScalarType.Float32, false, 0, 3e-6)]
    [InlineData(ScalarType.Float32, true, 0, 3e-6)]
    [InlineData(ScalarType.BFloat16, false, 0, 3e-6)]
    [InlineData(ScalarType.BFloat16, true, 0, 3e-6)]
    [InlineData(ScalarType.BFloat16, false, 0.99, 5e-3)]
    public void It_is_the_quotient_of_magnitude_and_norm(ScalarType type, bool hasStart, double undone, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using JoinedWeights frozen = new([.. new[] { 10, 7, 7 }.Select(width => nn.Linear(12, width, hasBias: false, CPU, type))]);
        Tensor weight = frozen.Values();
        weight.copy_(Draw(24, 12).Times(0.3)); // libtorch's own start is another each time
        Tensor values = Draw(17); // m of the first and the third layer
        Tensor gradients = Draw(17);
        Tensor before = gradients.clone();
        LowRankFactors?[] factors = [Factors(3, 0, 10, 0, 0.5), null, Factors(12, 17, 7, 10, 2)];
        using MagnitudeScale scale = MagnitudeScale.Of(frozen, factors)!;
        Tensor g = ones([24], device: CPU), sums = Draw(24);

        // Twice, for squares are taken once and the rest anew.
        scale.Write(weight, g);
        factors[0]!.Up.Multiply(1.5);
        scale.Refresh();
        scale.Write(weight, g);
        scale.AddGradients(sums);

        Tensor first = Inverse(factors[0]!, 0, 10), third = Inverse(factors[2]!, 17, 7);
        Tensor m = values.to(ScalarType.Float64), s = sums.to(ScalarType.Float64);
        Assert.InRange(Closeness.Relative(g.narrow(0, 0, 10), m.narrow(0, 0, 10) * first), 0, 3e-6);
        Assert.InRange(Closeness.Relative(g.narrow(0, 17, 7), m.narrow(0, 10, 7) * third), 0, tolerance);
        Assert.Equal(0, Closeness.Largest(g.narrow(0, 10, 7), ones([7], device: CPU))); // nothing is trained there
        Assert.InRange(Closeness.Relative(gradients - before, cat([s.narrow(0, 0, 10) * first, s.narrow(0, 17, 7) * third])), 0, Math.Max(tolerance, 1e-5));

        LowRankFactors Factors(int rank, long row, long outputs, long place, double scaling)
        {
            (Tensor down, Tensor up) = (Draw(rank, 12), Draw(outputs, rank));
            if (rank == 12 && undone > 0)
            {
                // s B A = -undone W
                down = eye(12, device: CPU);
                up = weight.narrow(0, row, outputs).to(ScalarType.Float32).Times(-undone / scaling);
            }

            return new(down, up, zeros_like(down), zeros_like(up), scaling)
            {
                Start = hasStart ? (Draw(rank, 12), Draw(outputs, rank)) : null,
                Magnitude = new(values, gradients, place),
            };
        }

        Tensor Inverse(LowRankFactors found, long row, long outputs)
        {
            Tensor change = found.Up.to(ScalarType.Float64).mm(found.Down.to(ScalarType.Float64));
            if (found.Start is (Tensor down, Tensor up))
            {
                change = change - up.to(ScalarType.Float64).mm(down.to(ScalarType.Float64));
            }

            Tensor direction = weight.narrow(0, row, outputs).to(ScalarType.Float64).Plus(change.Times(found.Scaling));
            return direction.mul(direction).sum(1).rsqrt();
        }
    }

    private Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float32, device: CPU, generator: generator);
}
