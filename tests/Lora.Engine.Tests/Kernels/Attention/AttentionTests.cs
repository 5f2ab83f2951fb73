using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>Attention of a packed batch, forward and backward, against autograd of the plain formula in float64, document by document.</summary>
public class AttentionTests
{
    private const double Factor = 0.3;

    // One of several blocks of queries.
    private static readonly int[] Lengths = [5, 1, 300, 33];

    public static TheoryData<string, int, int?> Cases { get; } = new(
        from way in new[] { "tiles", "an operator", "an operator without groups", "formulas" }
        from keyHeads in new[] { 1, 2, 4 }
        from window in new int?[] { null, 1, 7, 200 }
        select (way, keyHeads, window));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Results_and_gradients_are_autograd_s(string way, int keyHeads, int? window)
    {
        using DisposeScope scope = NewDisposeScope();
        AttentionHeads shape = new(Heads: 4, keyHeads, HeadSize: 8, window, Factor);
        using TensorStack states = new(CPU);
        using TensorStack scratch = new(CPU);
        (ScalarType type, double tolerance) = way == "tiles" ? (ScalarType.Float32, 1e-5) : (ScalarType.Float64, 1e-12);
        IAttention attention = way switch
        {
            "tiles" => KernelSet.Of(CPU, type).Attention(shape, type, scratch),
            "an operator" => new TorchKernels().Attention(shape, type, scratch),
            "formulas" => new PlainAttention([], shape, scratch, type.ElementSize()),
            _ => new TorchKernels(new Ungrouped()).Attention(shape, type, scratch),
        };
        AttentionRun run = new(attention, shape, Lengths, type);
        run.Run(states);

        run.Check(tolerance);
    }

    [Theory]
    [InlineData(true, null, 4)]
    [InlineData(true, 7, 4)]
    [InlineData(true, 7, 40)]
    [InlineData(false, null, 4)]
    [InlineData(false, 200, 4)]
    [InlineData(false, null, 40)]
    [InlineData(false, 7, 40)]
    public void Capped_scores_have_autograd_s_results_and_gradients_too(bool byTiles, int? window, int documents)
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = byTiles ? ScalarType.Float32 : ScalarType.Float64;
        IKernels kernels = byTiles ? KernelSet.Of(CPU, type) : new TorchKernels();
        AttentionHeads shape = new(Heads: 4, KeyValueHeads: 2, HeadSize: 8, window, Factor) { Cap = 0.7 };
        using TensorStack states = new(CPU);
        using TensorStack scratch = new(CPU);
        AttentionRun run = new(kernels.Attention(shape, type, scratch), shape, documents == Lengths.Length ? Lengths : [.. Short(documents)], type);
        run.Run(states);

        run.Check(byTiles ? 1e-5 : 1e-12);
    }

    [Theory]
    [InlineData(null, 2, false)]
    [InlineData(7, 3, false)]
    [InlineData(7, 4, true)]
    [InlineData(null, 1, true)]
    public void Slices_of_heads_and_probabilities_made_again_change_no_bit(int? window, int slices, bool isKept)
    {
        using DisposeScope scope = NewDisposeScope();
        AttentionHeads shape = new(Heads: 8, KeyValueHeads: 4, HeadSize: 8, window, Factor) { Cap = 0.7 };
        using TensorStack states = new(CPU);
        using TensorStack scratch = new(CPU);
        AttentionRun whole = Run(1, keeps: true);
        AttentionRun sliced = Run(slices, isKept);

        Assert.Equal(0, Closeness.Largest(sliced.Mixed, whole.Mixed));
        Assert.Equal(0, Closeness.Largest(sliced.Gradients, whole.Gradients));
        sliced.Check(1e-12);

        AttentionRun Run(int slices, bool keeps)
        {
            PlainAttention attention = new([], shape, scratch, sizeof(double)) { Slices = slices };
            AttentionRun run = new(attention, shape, [.. Short(12)], ScalarType.Float64);
            run.Run(states, keeps);
            return run;
        }
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(4, true)]
    [InlineData(3, false)]
    public void Plain_products_take_what_they_say_to_the_byte(int slices, bool keeps)
    {
        using DisposeScope scope = NewDisposeScope();
        AttentionHeads shape = new(Heads: 8, KeyValueHeads: 4, HeadSize: 8, 7, Factor) { Cap = 0.7 };
        int[] lengths = [.. Short(12)];
        using TensorStack scratch = new(CPU);
        PlainAttention attention = new([], shape, scratch, sizeof(double)) { Slices = slices };
        AttentionBytes bytes = attention.Bytes(lengths, slices);
        PassBytes pass = keeps ? bytes.Keeping : bytes.Again;
        using TensorStack states = new(CPU);
        states.Reserve(bytes.Kept + (keeps ? bytes.Probabilities : 0));
        scratch.Reserve(Math.Max(pass.Forward, pass.Backward));
        AttentionRun run = new(attention, shape, lengths, ScalarType.Float64);

        run.Run(states, keeps);

        Assert.Equal((0, 0), (states.Overflow, scratch.Overflow));
        Assert.Equal(bytes.Kept + (keeps ? bytes.Probabilities : 0), states.Top.Used);
        scratch.Dispose();
        scratch.Reserve(Math.Max(pass.Forward, pass.Backward) - (long)(0.05 * pass.Backward) - (256 * 64)); // less than is said
        run.Run(states, keeps);
        Assert.NotEqual(0, scratch.Overflow);
    }

    [Fact]
    public void No_whole_operator_caps_scores_and_each_says_so()
    {
        AttentionHeads capped = new(8, 2, 64, null, Factor) { Cap = 50 };
        CardFacts card = new(IsCuda: true, new(9, 0), IsWindows: false, HasRepeatableAlgorithms: true);
        (AttentionOperator? chosen, IReadOnlyList<string> reasons) = AttentionOperators.Choose(META, ScalarType.BFloat16, capped, card);

        Assert.Null(chosen);
        Assert.Equal(["aten::_flash_attention_forward: it does not cap scores", "aten::_efficient_attention_forward: it does not cap scores"], reasons);
    }

    [Theory]
    [InlineData("8.0", false, ScalarType.BFloat16, 128, null, "aten::_flash_attention_forward")]
    [InlineData("8.0", true, ScalarType.BFloat16, 128, null, "aten::_efficient_attention_forward")]
    [InlineData("7.5", false, ScalarType.Float16, 64, 512, "aten::_efficient_attention_forward")]
    [InlineData("9.0", false, ScalarType.Float32, 64, null, "aten::_efficient_attention_forward")]
    [InlineData("9.0", false, ScalarType.BFloat16, 100, null, "plain products")]
    [InlineData(null, false, ScalarType.BFloat16, 64, null, "plain products")]
    public void Cards_get_the_quickest_operator_that_serves_the_heads_and_the_others_say_why_not(
        string? generation, bool isWindows, ScalarType type, int headSize, int? window, string expected)
    {
        CardFacts card = new(IsCuda: true, generation is null ? null : Version.Parse(generation), isWindows, HasRepeatableAlgorithms: true);
        (AttentionOperator? chosen, IReadOnlyList<string> reasons) = AttentionOperators.Choose(META, type, new(8, 2, headSize, window, Factor), card);

        Assert.Equal(expected, chosen?.Name ?? "plain products");
        string[] order = ["aten::_flash_attention_forward", "aten::_efficient_attention_forward", "plain products"];
        Assert.Equal(order.TakeWhile(name => name != expected), reasons.Select(reason => reason.Split(": ")[0]));
        AttentionHeads shape = new(8, 2, headSize, window, Factor);
        using TensorStack scratch = new(META);
        IAttention attention = chosen is null ? new PlainAttention([], shape, scratch, type.ElementSize()) : new TorchKernels(chosen).Attention(shape, type, scratch);
        Assert.Equal("by " + expected, attention.Way);
    }

    private static IEnumerable<int> Short(int documents) => Enumerable.Range(0, documents).Select(index => 1 + (index * 13 % 37));

    /// <summary>An operator that asks for a head of k and v for each of q, as one of a GPU does.</summary>
    private sealed class Ungrouped : AttentionOperator
    {
        private readonly DocumentAttention inner = new();

        public override string Name => nameof(Ungrouped);

        public override bool NeedsEqualHeads => true;

        public override (Tensor Mixed, Tensor[] Statistics) Forward(HeadParts heads, AttentionHeads shape, DocumentPlaces documents)
        {
            Assert.Equal(heads.Query.shape, heads.Key.shape);
            return inner.Forward(heads, shape, documents);
        }

        public override HeadParts Backward(Tensor dMixed, HeadParts heads, AttentionHeads shape, DocumentPlaces documents, Tensor mixed, Tensor[] statistics) =>
            inner.Backward(dMixed, heads, shape, documents, mixed, statistics);

        public override long StatisticBytes(IReadOnlyList<int> lengths) => inner.StatisticBytes(lengths);
    }
}
