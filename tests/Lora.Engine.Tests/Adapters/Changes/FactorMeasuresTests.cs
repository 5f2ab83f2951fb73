using Lora.Adapters;
using TorchSharp;
using static Lora.Tests.Adapters.CombinedAdapter;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>What is told of a change from its factors, against the same of the product, formed in float64.</summary>
public class FactorMeasuresTests
{
    // Sums in float64 in another order.
    private const double Tolerance = 1e-12;

    [Theory]
    [InlineData(3)]
    [InlineData(6)] // beyond a side of the weight
    public void Singular_values_are_those_of_the_product(int rank)
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter adapter = Random(1, rank, 8);

        double[] values = FactorMeasures.SingularValues(FactorPair.Of(adapter)[Module]);

        double[] expected = Values(linalg.svdvals(Product(adapter)));
        Assert.Equal(Math.Min(rank, Outputs), values.Length);
        Assert.Equal(expected[..values.Length], values, (one, other) => Math.Abs(one - other) < Tolerance * expected[0]);
        Assert.Equal(Product(adapter).norm().ToDouble(), FactorMeasures.Norm(values), Tolerance * expected[0]);
    }

    [Fact]
    public void The_dot_product_is_that_of_the_products_whatever_ranks_and_scalings_are()
    {
        using DisposeScope scope = NewDisposeScope();
        (LoraAdapter one, LoraAdapter other) = (Random(1, 2, 8), Random(2, 3, 3, rslora: true));

        double dot = FactorMeasures.Dot(FactorPair.Of(one)[Module], FactorPair.Of(other)[Module]);

        Assert.Equal((Product(one) * Product(other)).sum().ToDouble(), dot, Tolerance * 100);
    }

    [Theory]
    [InlineData(0, new double[] { })]
    [InlineData(0, new[] { 0.0, 0 })]
    [InlineData(1, new[] { 5.0, 0 })]
    [InlineData(4, new[] { 2.0, 2, 2, 2 })]
    [InlineData(1.7547653506033232, new[] { 3.0, 1 })] // exp(-(0.75 ln 0.75 + 0.25 ln 0.25))
    [InlineData(double.NaN, new[] { double.NaN })]
    public void The_effective_rank_counts_equal_values(double expected, double[] values) =>
        Assert.Equal(expected, FactorMeasures.EffectiveRank(values), 1e-14);
}
