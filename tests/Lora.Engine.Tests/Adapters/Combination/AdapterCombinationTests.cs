using Lora.Adapters;
using Lora.Native;
using TorchSharp;
using static Lora.Tests.Adapters.CombinedAdapter;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Combinations are compared with sums of products that are taken here in float64, or with values worked out by hand.</summary>
public class AdapterCombinationTests
{
    private const double Tolerance = 1e-5;

    [Fact]
    public void Cat_is_the_weighted_sum_whatever_ranks_and_scalings_are()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 2, 8), Random(2, 3, 3, rslora: true), Random(3, 1, 0.5)];
        double[] weights = [0.7, -1.5, 2];

        LoraAdapter result = AdapterCombination.Combine(adapters, new() { Weight = weights });

        Assert.Equal(6, result.Config.Rank);
        Assert.InRange(Closeness.Relative(Product(result), Sum(adapters, weights)), 0, Tolerance);
    }

    [Fact]
    public void Svd_of_full_rank_is_the_weighted_sum_with_the_scaling_once()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 2, 8), Random(2, 3, 12)];
        double[] weights = [0.7, -1.5];

        LoraAdapter result = AdapterCombination.Combine(adapters, new() { Method = CombinationMethod.Svd, Weight = weights, Rank = 5 });

        Assert.Equal(5, result.Config.Rank);
        Assert.InRange(Closeness.Relative(Product(result), Sum(adapters, weights)), 0, Tolerance);
    }

    [Fact]
    public void Svd_of_a_smaller_rank_is_the_best_approximation()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 2, 8), Random(2, 3, 12)];
        Tensor sum = Sum(adapters, [1, 1]);

        LoraAdapter result = AdapterCombination.Combine(adapters, new() { Method = CombinationMethod.Svd, Rank = 2 });

        double left = linalg.svdvals(sum)[TensorIndex.Slice(2)].norm().ToDouble(); // Eckart and Young
        Assert.Equal(left, (Product(result) - sum).norm().ToDouble(), left * Tolerance);
    }

    [Fact]
    public void Svd_asked_for_more_than_the_sum_of_the_ranks_gives_the_sum_of_the_ranks()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 1, 8), Random(2, 2, 12)];

        LoraAdapter result = AdapterCombination.Combine(adapters, new() { Method = CombinationMethod.Svd, Rank = 5 });

        Assert.Equal(3, result.Config.Rank);
        Assert.InRange(Closeness.Relative(Product(result), Sum(adapters, [1, 1])), 0, Tolerance);
    }

    [Fact]
    public void Linear_sums_the_factors_with_the_roots_of_their_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] adapters = [Random(1, 2, 8), Random(2, 2, 3)]; // scalings 4 and 1.5
        double[] roots = [Math.Sqrt(0.5 * 4), Math.Sqrt(2 * 1.5)];

        LoraAdapter result = AdapterCombination.Combine(adapters, new() { Method = CombinationMethod.Linear, Weight = [0.5, -2] });

        Tensor down = Factor(adapters[0], "A").Times(roots[0]) - Factor(adapters[1], "A").Times(roots[1]);
        Tensor up = Factor(adapters[0], "B").Times(roots[0]).Plus(Factor(adapters[1], "B").Times(roots[1]));
        Assert.Equal(1, result.Config.ScalingOf(result.Config.Rank, result.Config.Alpha));
        Assert.InRange(Closeness.Relative(Product(result), up.mm(down)), 0, Tolerance);
    }

    [Fact]
    public void One_adapter_alone_stays_what_it_is_under_every_method_that_drops_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter adapter = Random(1, 2, 8);
        foreach (CombinationMethod method in Enum.GetValues<CombinationMethod>())
        {
            bool drops = method is not (CombinationMethod.Cat or CombinationMethod.Svd or CombinationMethod.Linear);
            LoraAdapter result = AdapterCombination.Combine([adapter], new() { Method = method, Density = drops ? 1 : null });
            Assert.InRange(Closeness.Relative(Product(result), Sum([adapter], [1])), 0, Tolerance);
        }
    }

    [Theory]
    [InlineData(MajoritySign.Total, new float[] { 5, -6, 0, 2.25f })]
    [InlineData(MajoritySign.Frequency, new float[] { 5, 3, 0, 2.25f })]
    public void Ties_keeps_large_values_and_the_mean_of_those_with_the_majority_s_sign(MajoritySign sign, float[] expected)
    {
        using DisposeScope scope = NewDisposeScope();
        TaskVectors vectors = new(new() { Method = CombinationMethod.Ties, Density = 0.5, MajoritySign = sign }, new Generator(1, CPU));
        Tensor first = tensor(new float[] { 4, 2, 1, -1 }); // keeps 4, 2
        Tensor second = tensor(new float[] { 6, 4, -1, 0 }); // keeps 6, 4
        Tensor third = tensor(new float[] { 0, -8, 1, 3 }); // keeps -8, 3

        float[] combined = vectors.Combine([first, second, third], [1, 1, 0.75]).data<float>().ToArray();

        Assert.Equal(expected, combined);
    }

    [Fact]
    public void Magnitude_pruning_keeps_the_largest_values_and_adds_them()
    {
        using DisposeScope scope = NewDisposeScope();
        TaskVectors vectors = new(new() { Method = CombinationMethod.MagnitudePrune, Density = 0.5 }, new Generator(1, CPU));

        Tensor combined = vectors.Combine([tensor(new float[] { 4, -3, 1, 2 }), tensor(new float[] { 0, 1, -9, 5 })], [2, 1]);

        Assert.Equal([8, -6, -9, 5], combined.data<float>().ToArray());
    }

    [Fact]
    public void Random_dropping_keeps_the_share_and_scales_it_up_and_repeats_from_its_seed()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor ones = torch.ones(100, 100, device: CPU);
        CombinationOptions options = new() { Method = CombinationMethod.DareLinear, Density = 0.25 };

        Tensor first = new TaskVectors(options, new Generator(5, CPU)).Combine([ones], [1]);
        Tensor again = new TaskVectors(options, new Generator(5, CPU)).Combine([ones], [1]);

        Assert.Equal(new float[] { 0, 4 }, first.data<float>().ToArray().Distinct().Order());
        Assert.InRange(first.mean().ToDouble(), 0.9, 1.1); // five standard deviations of the mean are 0.087
        Assert.Equal(first.bytes.ToArray(), again.bytes.ToArray());
    }

    [Fact]
    public void A_clamp_cuts_at_the_quantile_of_both_factors()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter whole = AdapterCombination.Combine([Random(1, 2, 8)], new() { Method = CombinationMethod.Svd });
        LoraAdapter cut = AdapterCombination.Combine([Random(1, 2, 8)], new() { Method = CombinationMethod.Svd, Clamp = 0.8 });

        double[] values = [.. Values(whole).Order()];
        double place = 0.8 * (values.Length - 1);
        double limit = values[(int)place] + ((place - (int)place) * (values[(int)place + 1] - values[(int)place]));
        Assert.Equal(Values(whole).Select(value => Math.Clamp(value, -limit, limit)), Values(cut), (a, b) => Math.Abs(a - b) < 1e-6);

        static IEnumerable<double> Values(LoraAdapter adapter) => Factor(adapter, "A").data<double>().Concat(Factor(adapter, "B").data<double>());
    }

    [Fact]
    public void Modules_with_ranks_of_their_own_keep_them_and_a_module_of_one_adapter_stays()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter first = Random(1, 2, 8, module: "layers.0.q");
        LoraAdapter second = Random(2, 2, 8, module: "layers.0.q");
        LoraAdapter other = Random(3, 3, 8, module: "layers.1.q");

        LoraConfig config = first.Config with { RankPattern = [new() { Pattern = "1.q", Value = 3 }] };
        LoraAdapter both = new() { Config = config, Tensors = [.. first.Tensors, .. other.Tensors] };

        LoraAdapter result = AdapterCombination.Combine([both, second], new());

        Assert.Empty(AdapterWeightRules.Check(result.Config, result.Tensors, "result"));
        Assert.InRange(Closeness.Relative(Product(result, "layers.1.q"), Sum([other], [1], "layers.1.q")), 0, Tolerance);
    }
}
