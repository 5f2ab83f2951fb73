using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using Lora.Tools.Operators;

namespace Lora.Tests.Models;

/// <summary>
/// How many operators of libtorch a step launches where there is a GPU; each is some microseconds of a processor's time, whatever its size. That whole steps run
/// on META, which cannot be read, is the proof that nothing waits within one.
/// </summary>
public class StepLaunchTests
{
    private const int MostOfBlock = 70;
    private const int MostBeside = 40;
    private const int MostOfDropout = 30;

    // Of the norms of four products ten each, and seven that lay the B of joined layers; g and the outputs, and those of the gate once more; its gradient, m's and what goes on in four.
    private const int MostOfMagnitudes = 72;

    // With dropout seven layers see an x of their own, by W too: seven operators more each in the forward pass and eight in the backward pass; gates are kept then.
    private const int MostOfDroppedMagnitudes = 169;

    // Magnitudes of a block's matrices in four operators, codes of four products in two each, seven matrices; both ways.
    private const int MostOfFourBit = 38;

    // A last block of a matrix that is not full is an operator by itself.
    private const int MostOfFourBitRests = 14;

    // The lowest block takes no gradient at its input: two products, the gradient of a norm and a sum less.
    private const int NotOfLowest = 4;

    private static readonly (string, string)[] Large =
        [("hidden_size", "2048"), ("intermediate_size", "8192"), ("num_attention_heads", "32"), ("num_key_value_heads", "8"), ("head_dim", "64"), ("vocab_size", "32000")];

    private static readonly (string, string)[] Of8B =
        [("hidden_size", "4096"), ("intermediate_size", "14336"), ("num_attention_heads", "32"), ("num_key_value_heads", "8"), ("head_dim", "128"), ("vocab_size", "128256")];

    public StepLaunchTests() => Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");

    /// <summary>Every fixture whose blocks the fused step computes: a new family is held to the budget by being there.</summary>
    public static TheoryData<string> Families { get; } =
    [
        .. from folder in Directory.EnumerateDirectories(Repository.Fixture("families"))
           where File.Exists(Path.Combine(folder, "config.json")) && ModelConfigReader.Read(folder) is ModelShape shape && FusedBlock.In(shape) is not null
           orderby folder
           select Path.GetFileName(folder),
    ];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_block_launches_few_operators_forward_and_backward(string family)
    {
        (int block, int beside, string text) = Count(family, null, [], 512);

        Assert.True(block <= MostOfBlock, $"{block} operators a block: {text}");
        Assert.True(beside <= MostBeside, $"{beside} operators beside the blocks: {text}");
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    public void As_many_whatever_the_lengths_the_number_of_documents_and_the_widths(string family)
    {
        (int, int) expected = Only(Count(family, null, [], 512));

        Assert.Equal(expected, Only(Count(family, null, Large, 2048)));
        Assert.Equal(expected, Only(Count(family, null, Large, 512, 512, 512, 512)));
        Assert.Equal(expected, Only(Count(family, null, Large, [.. Enumerable.Range(0, 32).Select(index => 4 + (index * 3))])));
        Assert.Equal(expected, Only(Count(family, null, Large, 8192)));

        static (int, int) Only((int Block, int Beside, string) count) => (count.Block, count.Beside);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void No_family_launches_more_for_long_or_many_documents(string family)
    {
        (int block, int beside, _) = Count(family, null, [], 512);
        (int longBlock, int longBeside, _) = Count(family, null, [], 8192);
        (int manyBlock, int manyBeside, string text) = Count(family, null, [], [.. Enumerable.Range(0, 32).Select(index => 4 + (index * 3))]);

        Assert.Equal((block, beside), (longBlock, longBeside));
        Assert.Equal(block, manyBlock);

        // Documents that turn by their own lengths have speeds of their own, of which angles are made in every step.
        Assert.True(manyBeside == beside || (family == "llama_dynamic" && manyBeside <= MostBeside), $"{manyBeside} operators beside the blocks and not {beside}: {text}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(12)]
    public void As_many_whatever_the_rank(int rank)
    {
        using MetaStep two = new("llama3", 2, rank: rank);
        using MetaStep three = new("llama3", 3, rank: rank);
        IReadOnlyList<LaunchedOperator> launched = three.Launched(512);

        int block = launched.Count - two.Launched(512).Count;

        Assert.True(block == Count("llama3", null, [], 512).Block, $"{block} operators a block: {OperatorCounter.Describe(launched)}");
    }

    [Fact]
    public void README_says_what_is_counted_here()
    {
        (int Block, int Beside, string)[] counts = [.. Families.Select(row => Count(row.Data, null, [], 512))];
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));

        Assert.Contains($": {counts.Min(count => count.Block)} to {counts.Max(count => count.Block)} operators of libtorch a block,", readme, StringComparison.Ordinal);
        Assert.Contains($" and {counts.Max(count => count.Beside)} or fewer beside the blocks,", readme, StringComparison.Ordinal);
    }

    [Fact]
    public void As_many_however_many_tokens_are_learned_where_memory_allows_their_loss_at_once()
    {
        using MetaStep few = new("llama3", 2, values: Large);
        using MetaStep all = new("llama3", 2, values: Large) { IsLearned = _ => true };
        int expected = few.Launched(8192).Count;

        int inChunks = all.Launched(8192).Count; // nobody planned it
        all.Plan(1L << 40, 8192);

        Assert.Equal(expected, all.Launched(8192).Count);
        Assert.True(inChunks >= expected + (15 * 10), $"{inChunks} operators with 16 chunks, {expected} with one");
    }

    [Fact]
    public void Every_family_of_the_table_is_counted_here_or_has_no_fused_step()
    {
        // A bias by position, rotations of neighbours, and experts. A new family is either among these or has a fixture.
        string[] byAutograd = ["bloom", "cohere", "gpt_oss", "gptj", "mixtral", "olmoe", "qwen2_moe", "qwen3_moe"];
        IEnumerable<string> counted = Families.Select(row => ModelConfigReader.Read(Repository.Fixture("families", row.Data)).ModelType);

        Assert.Empty(KnownFamilies.All.Where(family => family is not VisionLanguageFamily).Select(family => family.ModelType).Except(byAutograd).Except(counted));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Attention_is_asked_for_gradients_that_are_the_same_each_time(bool isFlash)
    {
        using MetaStep step = new("mistral", 2, attention: isFlash ? new FlashAttention() : new EfficientAttention(), values: Large);

        step.Launched(300, 200);

        Assert.Equal(!isFlash || RepeatableAlgorithms.CanBegin, MetaKernels.IsRepeatable);
        Assert.False(RepeatableAlgorithms.IsOn);
    }

    [Theory]
    [InlineData("llama3", 0)]
    [InlineData("llama3", 0.1)]
    [InlineData("qwen3", 0)] // with norms of heads
    [InlineData("gemma2", 0)]
    public void Nothing_as_large_as_an_activation_is_in_float32(string family, double dropout)
    {
        const int tokens = 512;
        using MetaStep step = new(family, 2, new LoraConfig { Dropout = dropout }, values: Large); // [32, 32000] logits among others

        Assert.DoesNotContain(step.Launched(tokens), launched => launched.Outputs.Any(IsLargeAndWide));

        // What is trained has one dimension.
        static bool IsLargeAndWide(RecordedTensor tensor) => tensor is { Type: TorchSharp.torch.ScalarType.Float32, Shape.Count: > 1, Elements: >= tokens * 1024 };
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")] // whose logits are capped
    public void Logits_and_their_gradients_are_in_the_dtype_of_the_step(string family)
    {
        using MetaStep step = new(family, 2, values: ("vocab_size", "32000")) { IsLearned = _ => true };

        RecordedTensor[] logits = [.. step.Launched(512).SelectMany(launched => launched.Outputs).Where(tensor => tensor.Shape is [> 1, 32_000])];

        Assert.NotEmpty(logits);
        Assert.All(logits, tensor => Assert.Equal(TorchSharp.torch.ScalarType.BFloat16, tensor.Type));
    }

    [Fact]
    public void FlashAttention_takes_heads_as_they_are_and_launches_less()
    {
        (int efficient, _, _) = Count("mistral", null, Large, 512, 512);
        using MetaStep two = new("mistral", 2, attention: new FlashAttention(), values: Large);
        using MetaStep three = new("mistral", 3, attention: new FlashAttention(), values: Large);
        IReadOnlyList<LaunchedOperator> launched = three.Launched(512, 512);

        Assert.Equal(2 * 3, launched.Count(found => found.Name.StartsWith("aten::_flash_attention", StringComparison.Ordinal)));

        // No heads are made of others, in either pass, and the gradients of q, k and v are laid side by side by one operator.
        Assert.Equal(efficient - 4, launched.Count - two.Launched(512, 512).Count);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Dropout_launches_more_and_no_more_than_that(string family)
    {
        (int plain, _, _) = Count(family, null, [], 512);
        (int dropped, _, string text) = Count(family, new LoraConfig { Dropout = 0.1 }, [], 512);

        Assert.True(dropped - plain <= MostOfDropout, $"{dropped - plain} operators more with dropout: {text}");
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Trained_magnitudes_launch_more_and_no_more_than_that(string family)
    {
        LoraConfig config = new() { UseDora = true };
        (int plain, int beside, _) = Count(family, null, [], 512);
        (int scaled, int besideScaled, string text) = Count(family, config, [], 512);
        (int ofMany, _, _) = Count(family, config, [], [.. Enumerable.Range(0, 32).Select(index => 4 + (index * 3))]);

        Assert.True(scaled - plain <= MostOfMagnitudes, $"{scaled - plain} operators more with magnitudes: {text}");
        Assert.True(besideScaled <= beside, $"{besideScaled} operators beside the blocks and not {beside}: {text}");
        Assert.Equal(scaled, ofMany);
        (int dropped, _, string droppedText) = Count(family, config with { Dropout = 0.1 }, [], 512);
        Assert.True(dropped - plain <= MostOfDroppedMagnitudes, $"{dropped - plain} operators more with magnitudes and dropout: {droppedText}");
    }

    [Fact]
    public void Trained_magnitudes_launch_as_many_at_the_widths_of_8B_and_widen_no_weight()
    {
        LoraConfig config = new() { UseDora = true };
        (int block, int beside, _) = Count("llama3", config, [], 512);
        (int wideBlock, int wideBeside, string text) = Count("llama3", config, Of8B, 512);
        using MetaStep step = new("llama3", 2, config, values: Of8B);
        IReadOnlyList<LaunchedOperator> launched = step.Launched(512);

        Assert.True((block, beside) == (wideBlock, wideBeside), $"{wideBlock} operators a block and not {block}, {wideBeside} beside them and not {beside}: {text}");
        Assert.DoesNotContain(launched, found => found.Outputs.Any(tensor => tensor is { Type: TorchSharp.torch.ScalarType.Float32, Shape.Count: > 1, Elements: >= 1024 * 4096 }));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void Values_in_4_bits_launch_no_more_where_magnitudes_are_trained(double dropout)
    {
        LoraConfig config = new() { UseDora = true, Dropout = dropout };
        (int scaled, _, _) = Count("mistral", config, Large, 512);
        (int fourBit, _, string text) = Count("mistral", config, Large, isFourBit: true, 512);

        Assert.True(fourBit - scaled <= MostOfFourBit, $"{fourBit - scaled} operators more with 4 bits: {text}");
    }

    [Theory]
    [InlineData(2048, 8192, 32, 64, MostOfFourBit)]
    [InlineData(576, 1536, 9, 64, MostOfFourBit)] // SmolLM-135M: not whole groups of blocks
    [InlineData(90, 130, 3, 30, MostOfFourBit + MostOfFourBitRests)] // not whole blocks
    public void Values_in_4_bits_launch_more_and_no_more_than_that_whatever_the_widths(int hidden, int intermediate, int heads, int headSize, int most)
    {
        (string, string)[] widths =
        [
            ("hidden_size", $"{hidden}"), ("intermediate_size", $"{intermediate}"), ("num_attention_heads", $"{heads}"), ("num_key_value_heads", "1"), ("head_dim", $"{headSize}"),
        ];
        (int plain, _, _) = Count("mistral", null, widths, 512);
        (int fourBit, _, string text) = Count("mistral", null, widths, isFourBit: true, 512);

        Assert.True(fourBit - plain <= most, $"{fourBit - plain} operators more with 4 bits: {text}");
    }

    /// <summary>Operators of a block, of everything else, and what they are: one of three blocks is what three have more than two.</summary>
    private static (int Block, int Beside, string Text) Count(string family, LoraConfig? config, (string, string)[] values, params int[] lengths) =>
        Count(family, config, values, isFourBit: false, lengths);

    private static (int Block, int Beside, string Text) Count(string family, LoraConfig? config, (string, string)[] values, bool isFourBit, params int[] lengths)
    {
        using MetaStep two = new(family, 2, config, isFourBit, values: values);
        using MetaStep three = new(family, 3, config, isFourBit, values: values);
        IReadOnlyList<LaunchedOperator> less = two.Launched(lengths);
        IReadOnlyList<LaunchedOperator> more = three.Launched(lengths);
        int block = more.Count - less.Count;
        return (block, less.Count - (2 * block) + NotOfLowest, $"two blocks: {OperatorCounter.Describe(less)}; three: {OperatorCounter.Describe(more)}");
    }
}
