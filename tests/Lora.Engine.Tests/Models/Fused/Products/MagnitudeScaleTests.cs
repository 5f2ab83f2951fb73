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
    /// <param name="isWhole">Whether as on a card, where A w is taken in W's dtype.</param>
    [Theory]
    [InlineData(ScalarType.Float64, false, 0, 3e-6, false)]
    [InlineData(ScalarType.Float32, false, 0, 3e-6, false)]
    [InlineData(ScalarType.Float32, true, 0, 3e-6, false)]
    [InlineData(ScalarType.BFloat16, false, 0, 3e-6, false)]
    [InlineData(ScalarType.BFloat16, true, 0, 3e-6, false)]
    [InlineData(ScalarType.BFloat16, false, 0.99, 5e-3, false)]
    [InlineData(ScalarType.Float32, true, 0, 3e-6, true)]
    [InlineData(ScalarType.BFloat16, false, 0, 5e-2, true)]
    [InlineData(ScalarType.Float16, true, 0, 1e-2, true)]
    public void It_is_the_quotient_of_magnitude_and_norm(ScalarType type, bool hasStart, double undone, double tolerance, bool isWhole)
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
        using MagnitudeScale scale = MagnitudeScale.Of(frozen, factors, isWhole)!;
        Tensor g = ones([24], device: CPU), sums = Draw(24);

        // Twice, for squares are taken once and the rest anew.
        scale.Write(weight, g);
        factors[0]!.Up.Multiply(1.5);
        scale.Refresh();
        scale.Write(weight, g);
        scale.AddGradients(sums);

        Tensor first = Inverse(factors[0]!, 0, 10), third = Inverse(factors[2]!, 17, 7);
        Tensor m = values.to(ScalarType.Float64), s = sums.to(ScalarType.Float64);
        Assert.InRange(Closeness.Relative(g.narrow(0, 0, 10), m.narrow(0, 0, 10) * first), 0, isWhole ? tolerance : 3e-6);
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

    /// <summary>B is as it is drawn, and adds nothing.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_scaling_of_zero_leaves_the_norm_of_W(int layers)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using JoinedWeights frozen = new([.. Enumerable.Range(0, layers).Select(_ => nn.Linear(12, 10, hasBias: false, CPU, ScalarType.Float32))]);
        Tensor values = Draw(10 * layers);
        LowRankFactors[] factors = [.. Enumerable.Range(0, layers).Select(layer => Simple(Draw(3, 12), Draw(10, 3), 0, values, 10 * layer))];
        using MagnitudeScale scale = MagnitudeScale.Of(frozen, factors)!;
        Tensor g = ones([10 * layers], device: CPU);

        scale.Write(frozen.Values(), g);

        Tensor weight = frozen.Values().to(ScalarType.Float64);
        Assert.InRange(Closeness.Relative(g, values.to(ScalarType.Float64) * weight.mul(weight).sum(1).rsqrt()), 0, 1e-6);
    }

    /// <summary>Rounding leaves less than nothing of some of the sums.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, false, 1000)]
    [InlineData(ScalarType.BFloat16, false, 1000)]
    [InlineData(ScalarType.BFloat16, true, 16)]
    public void A_row_that_the_change_undoes_wholly_and_one_of_zeros_have_finite_numbers(ScalarType type, bool isWhole, double most)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using JoinedWeights frozen = new(nn.Linear(12, 64, hasBias: false, CPU, type));
        Tensor weight = frozen.Values();
        weight.narrow(0, 0, 1).zero_();
        Tensor values = Draw(64);
        values.narrow(0, 0, 1).zero_(); // m of a row of zeros is its norm
        Tensor up = weight.to(ScalarType.Float32).Times(-0.5);
        using MagnitudeScale scale = MagnitudeScale.Of(frozen, [Simple(eye(12, device: CPU), up, 2, values, 0)], isWhole)!;
        Tensor g = ones([64], device: CPU);

        scale.Write(weight, g);

        Tensor norms = weight.to(ScalarType.Float64).norm(1);
        Tensor times = (g.to(ScalarType.Float64) * norms / values.to(ScalarType.Float64)).abs().narrow(0, 1, 63); // ‖w‖ / ‖w + s B A‖
        Assert.Equal(0, g[0].ToDouble());
        Assert.InRange(times.min().ToDouble(), 1, most * 1.01);
        Assert.InRange(times.max().ToDouble(), 1, most * 1.01);
    }

    private static LowRankFactors Simple(Tensor down, Tensor up, double scaling, Tensor values, long place) =>
        new(down, up, zeros_like(down), zeros_like(up), scaling) { Magnitude = new(values, zeros_like(values), place) };

    private Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float32, device: CPU, generator: generator);
}
