using Lora.Bench;
using Lora.Native;
using Lora.Tools.Operators;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Operators;

/// <summary>What `bench -- launch` makes of the operators of a step, held to sums made by hand.</summary>
public sealed class LaunchArithmeticTests
{
    public LaunchArithmeticTests() => Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");

    [Fact]
    public void The_FLOPs_of_a_step_are_two_for_each_value_of_each_of_its_matrices()
    {
        const double tokens = 512, places = 32, vocabulary = 32_000, hidden = 256, intermediate = 768, queries = 256, keys = 64, rank = 16, layers = 2;
        using Models.MetaStep step = new("llama3", (int)layers, values:
        [
            ("hidden_size", $"{hidden}"), ("intermediate_size", $"{intermediate}"), ("num_attention_heads", "8"), ("num_key_value_heads", "2"), ("head_dim", "32"), ("vocab_size", $"{vocabulary}"),
        ]);
        double pairs = tokens * (tokens + 1) / 2;

        double found = step.Launched((int)tokens).Sum(launched => OperatorCost.Of(launched, pairs).Flops);

        // Forward, and once more for the gradient of the input, which the lowest block's q, k and v have none of.
        double qkv = hidden * (queries + (2 * keys));
        double frozen = qkv + (queries * hidden) + (3 * hidden * intermediate);
        double inputs = (3 * hidden) + queries + (2 * hidden) + intermediate; // of q, k, v, o, gate, up, down
        double outputs = queries + (2 * keys) + hidden + (2 * intermediate) + hidden;

        // A and B each forward, for their own gradient and for that of their input.
        double adapters = 3 * rank * (inputs + outputs);
        double expected = (2 * tokens * ((2 * layers * frozen) - qkv + (layers * adapters) - (rank * 3 * hidden)))
            + (2 * 2 * places * hidden * vocabulary)
            + (14 * layers * pairs * queries);
        Assert.Equal(expected, found, expected * 1e-12);
    }

    [Theory]
    [InlineData("sum", 2 * 4000, 4000)]
    [InlineData("sum in place", 2 * 4000, 4000)]
    [InlineData("sum of one value and all", 4000 + 4, 4000)]
    [InlineData("copy", 4000, 4000)]
    [InlineData("product", 4 * ((10 * 30) + (30 * 20)), 4 * 10 * 20)]
    [InlineData("picked rows", (4 * 7 * 100) + (8 * 7), 4 * 7 * 100)]
    [InlineData("rows of a small table", (4 * 2 * 100) + (8 * 7), 4 * 7 * 100)]
    public void The_bytes_of_an_operator_are_those_of_its_tensors(string what, double read, double written)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = Empty(1000);
        Tensor places = empty([7], dtype: ScalarType.Int64, device: META);

        LaunchedOperator launched = Assert.Single(OperatorCounter.During(() => _ = what switch
        {
            "sum" => values.Plus(Empty(1000)),
            "sum in place" => values.Add(Empty(1000)),
            "sum of one value and all" => values.Plus(Empty(1).expand(1000)),
            "copy" => values.copy_(Empty(1000)),
            "product" => Empty(10, 30).mm(Empty(30, 20)),
            "picked rows" => Empty(50, 100).index_select(0, places),
            _ => Empty(2, 100).index_select(0, places),
        }));

        OperatorCost cost = OperatorCost.Of(launched, pairs: 0);
        Assert.Equal((read, written), (cost.Read, cost.Written));

        static Tensor Empty(params long[] shape) => empty(shape, dtype: ScalarType.Float32, device: META);
    }

    [Fact]
    public void Functions_and_random_numbers_are_counted_for_each_value()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = empty([10, 100], dtype: ScalarType.Float32, device: META);

        OperatorCost[] costs = [.. OperatorCounter.During(() => _ = values.exp_().bernoulli_(0.5)).Select(launched => OperatorCost.Of(launched, pairs: 0))];

        Assert.Equal([(1000, 0), (0, 1000)], costs.Select(cost => (cost.Functions, cost.Draws)));
    }

    [Fact]
    public void A_product_tells_how_its_matrices_lie()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = empty([64, 96], dtype: ScalarType.Float32, device: META);

        OperatorCost[] costs =
        [
            .. OperatorCounter.During(() =>
            {
                _ = x.mm(Empty(128, 96).t());
                _ = Empty(16, 64).mm(x);
                _ = x.t().mm(Empty(64, 80));
                _ = Empty(3, 70, 80).bmm(Empty(3, 80, 90));
            }).Select(launched => OperatorCost.Of(launched, pairs: 0)),
        ];

        Assert.Equal(
            [
                new(1, 64, 96, 128, false, true), new MatrixProduct(1, 16, 64, 96, false, false), new MatrixProduct(1, 96, 64, 80, true, false), new MatrixProduct(3, 70, 80, 90, false, false),
            ],
            costs.Select(cost => cost.Product));
        Assert.Equal([false, true, false, false], costs.Select(cost => cost.Product!.IsThin));

        static Tensor Empty(params long[] shape) => empty(shape, dtype: ScalarType.Float32, device: META);
    }

    [Theory]
    [InlineData(false, 4 + 10 + 6 + 8 + 1 + 1)] // one after the other
    [InlineData(true, 10 + 6 + 8 + 1 + 1)] // calls run ahead
    public void An_operator_waits_for_the_slowest_of_what_it_does(bool isQueued, double expected)
    {
        Rates rates = new(Bandwidth: 100, _ => 10, Launch: 0.8, Shortest: 1, isQueued) { Functions = 5, Draws = 2 };
        OperatorCost[] step =
        [
            new("product", ScalarType.Float32, Flops: 100, Read: 200, Written: 200), // 10 s of products, 4 of memory
            new("exp", ScalarType.Float32, Flops: 0, Read: 200, Written: 100) { Functions = 20, Draws = 4 }, // 4 + 2 s, 3 of memory
            new("sum", ScalarType.Float32, Flops: 0, Read: 500, Written: 300), // 8 s
            new("small", ScalarType.Float32, Flops: 0, Read: 4, Written: 4),
            new("thin", ScalarType.Float32, Flops: 5, Read: 50, Written: 20), // 0.5 s of products, 0.7 of memory
        ];

        Prediction found = rates.Of(step);

        Assert.Equal((4.0, 10.0, 6.0, 10.0), (found.Launches, found.Products, found.Functions, found.Memory));
        Assert.Equal(expected, found.Total);
    }

    [Fact]
    public void Calls_bound_a_step_whose_work_is_done_before_the_next_is_asked_for()
    {
        Rates rates = new(Bandwidth: 1000, _ => 1, Launch: 6, Shortest: 2, IsQueued: true);
        OperatorCost small = new("small", ScalarType.Float32, Flops: 0, Read: 10, Written: 10);

        Prediction found = rates.Of([small, small, small]);

        Assert.Equal((18.0, "launches"), (found.Total, found.Bound));
    }
}
