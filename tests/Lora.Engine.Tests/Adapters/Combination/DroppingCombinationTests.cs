using Lora.Adapters;
using TorchSharp;
using static Lora.Tests.Adapters.CombinedAdapter;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>The methods that drop values, at densities below 1, compared with an oracle of loops in float64.</summary>
public class DroppingCombinationTests
{
    private const double Tolerance = 1e-5;
    private static readonly double[] Weights = [0.7, -1.5, 2];

    public static TheoryData<CombinationMethod, double, MajoritySign> OnProducts() => Cases(
        CombinationMethod.TiesSvd, CombinationMethod.DareLinearSvd, CombinationMethod.DareTiesSvd, CombinationMethod.MagnitudePruneSvd);

    public static TheoryData<CombinationMethod, double, MajoritySign> OnFactors() => Cases(
        CombinationMethod.Ties, CombinationMethod.DareLinear, CombinationMethod.DareTies, CombinationMethod.MagnitudePrune);

    [Theory]
    [MemberData(nameof(OnProducts))]
    public void Products_are_pruned_with_their_scaling_once_and_decomposed(CombinationMethod method, double density, MajoritySign sign)
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 2, 8), Random(2, 3, 3, rslora: true), Random(3, 1, 0.5)];
        CombinationOptions options = new() { Method = method, Density = density, MajoritySign = sign, Weight = Weights, Seed = 11, Rank = Outputs };

        Tensor result = Product(AdapterCombination.Combine(adapters, options));

        Assert.InRange(Closeness.Relative(result, Oracle(options, adapters)), 0, Tolerance);
    }

    [Theory]
    [MemberData(nameof(OnProducts))]
    public void A_smaller_rank_is_the_best_approximation_of_what_was_pruned(CombinationMethod method, double density, MajoritySign sign)
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 2, 8), Random(2, 3, 3, rslora: true), Random(3, 1, 0.5)];
        CombinationOptions options = new() { Method = method, Density = density, MajoritySign = sign, Weight = Weights, Seed = 11, Rank = 2 };
        Tensor expected = Oracle(options, adapters);

        LoraAdapter result = AdapterCombination.Combine(adapters, options);

        double left = linalg.svdvals(expected)[TensorIndex.Slice(2)].norm().ToDouble(); // Eckart and Young
        Assert.Equal(2, result.Config.Rank);
        Assert.Equal(left, (Product(result) - expected).norm().ToDouble(), left * Tolerance);
    }

    [Theory]
    [MemberData(nameof(OnFactors))]
    public void Factors_are_pruned_each_for_itself(CombinationMethod method, double density, MajoritySign sign)
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 4, 8), Random(2, 4, 3, rslora: true), Random(3, 4, 0.5)];
        CombinationOptions options = new() { Method = method, Density = density, MajoritySign = sign, Weight = Weights, Seed = 11 };
        double[] roots = [.. adapters.Zip(Weights, (adapter, weight) => Math.Sqrt(Math.Abs(weight * Scaling(adapter))))];
        CombinationOracle oracle = new(options, new Generator((ulong)options.Seed, CPU));
        double[] signed = [.. roots.Zip(Weights, (root, weight) => Math.CopySign(root, weight))]; // as PEFT has it, after the election
        double[] down = oracle.Combine([4, Inputs], [.. adapters.Select(adapter => Values(Factor(adapter, "A")))], signed);
        double[] up = oracle.Combine([Outputs, 4], [.. adapters.Select(adapter => Values(Factor(adapter, "B")))], roots);

        LoraAdapter result = AdapterCombination.Combine(adapters, options);

        Assert.Equal(1, Scaling(result));
        Assert.Equal(down, Values(Factor(result, "A")), (one, other) => Math.Abs(one - other) < Tolerance);
        Assert.Equal(up, Values(Factor(result, "B")), (one, other) => Math.Abs(one - other) < Tolerance);
    }

    [Theory]
    [InlineData(CombinationMethod.Cat)]
    [InlineData(CombinationMethod.Svd)]
    [InlineData(CombinationMethod.Linear)]
    [InlineData(CombinationMethod.Ties)]
    [InlineData(CombinationMethod.MagnitudePrune)]
    [InlineData(CombinationMethod.TiesSvd)]
    [InlineData(CombinationMethod.MagnitudePruneSvd)]
    public void Without_chance_the_order_of_the_adapters_does_not_count(CombinationMethod method)
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 3, 8), Random(2, 3, 12), Random(3, 3, 0.5)];
        bool drops = method is not (CombinationMethod.Cat or CombinationMethod.Svd or CombinationMethod.Linear);
        CombinationOptions options = new() { Method = method, Density = drops ? 0.4 : null, Weight = Weights };

        Tensor forward = Product(AdapterCombination.Combine(adapters, options));
        Tensor backward = Product(AdapterCombination.Combine([.. adapters.Reverse()], options with { Weight = [.. Weights.Reverse()] }));

        Assert.InRange(Closeness.Relative(backward, forward), 0, Tolerance);
    }

    [Fact]
    public void What_is_dropped_at_random_is_the_seed_s()
    {
        LoraAdapter[] adapters = [Random(1, 3, 8), Random(2, 3, 12)];
        CombinationOptions options = new() { Method = CombinationMethod.DareLinear, Density = 0.5, Seed = 3 };

        byte[] first = Bytes(options);

        Assert.Equal(first, Bytes(options));
        Assert.NotEqual(first, Bytes(options with { Seed = 4 }));

        byte[] Bytes(CombinationOptions chosen) => [.. AdapterCombination.Combine(adapters, chosen).Tensors.SelectMany(tensor => tensor.Bytes.ToArray())];
    }

    private static TheoryData<CombinationMethod, double, MajoritySign> Cases(params CombinationMethod[] methods)
    {
        TheoryData<CombinationMethod, double, MajoritySign> data = [];
        foreach (CombinationMethod method in methods)
        {
            data.Add(method, 0.5, MajoritySign.Total);
            data.Add(method, 0.3, MajoritySign.Frequency);
        }

        return data;
    }

    private static Tensor Oracle(CombinationOptions options, LoraAdapter[] adapters) => tensor(new CombinationOracle(options, new Generator((ulong)options.Seed, CPU))
        .Combine([Outputs, Inputs], [.. adapters.Select(adapter => Values(Product(adapter)))], options.Weight!)).view(Outputs, Inputs);
}
