using Lora.Data;
using Lora.Kernels;
using Lora.Tests.Models;
using Lora.Tools.Operators;

namespace Lora.Tests.Kernels;

/// <summary>The rows of needs against what steps launch: an operator that is called without a row is one of which nobody knows whether a card runs it.</summary>
public class OperatorTableTests
{
    private static readonly CardFacts NoCard = new(IsCuda: false, Generation: null, IsWindows: false, HasRepeatableAlgorithms: false);

    private static readonly int[] Lengths = [40, 24];

    public OperatorTableTests() => Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");

    public static TheoryData<string> Families => StepLaunchTests.Families;

    [Theory]
    [MemberData(nameof(Families))]
    public void Every_operator_of_a_family_s_steps_and_evaluations_has_a_row(string family)
    {
        using MetaStep step = new(family, 2);

        AssertRows(step.Launched(Lengths));
        AssertRows(step.Evaluated(Lengths));

        step.EvaluatedEach(Choice(5), Choice(6, 7)); // angles are kept of the lengths that were seen
        AssertRows(step.EvaluatedEach(Choice(5), Choice(6, 7)));
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    public void So_have_those_of_dropout_of_4_bit_bases_and_of_magnitudes(string family)
    {
        using MetaStep dropping = new(family, 2, new LoraConfig { Dropout = 0.1 });
        using MetaStep coded = new(family, 2, isFourBit: true);
        using MetaStep scaled = new(family, 2, new LoraConfig { UseDora = true });
        using MetaStep both = new(family, 2, new LoraConfig { UseDora = true, Dropout = 0.1 });

        AssertRows(dropping.Launched(Lengths));
        AssertRows(coded.Launched(Lengths));
        AssertRows(scaled.Launched(Lengths));
        AssertRows(both.Launched(Lengths));
    }

    [Theory]
    [InlineData("llama3", false)]
    [InlineData("qwen3", false)] // with norms of heads
    [InlineData("gemma2", false)]
    [InlineData("llama3", true)]
    public void So_have_those_of_FlashAttention_and_of_what_takes_the_place_of_whole_operators(string family, bool isFlash)
    {
        using MetaStep step = new(family, 2, attention: isFlash ? new FlashAttention() : null, card: isFlash ? null : NoCard);

        AssertRows(step.Launched(Lengths));
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    public void A_device_that_has_none_of_the_whole_operators_is_asked_for_none(string family)
    {
        using MetaStep step = new(family, 2, card: NoCard);
        string[] whole = [.. OperatorNeeds.All.Where(needs => needs.Instead is not null && needs != OperatorNeeds.FusedAdam).SelectMany(needs => needs.Names)];

        string[] names = [.. step.Launched(Lengths).Select(launched => launched.Name).Distinct()];

        Assert.Empty(names.Intersect(whole));
        Assert.Contains("aten::bmm", names); // attention by plain products
        Assert.Contains("aten::rsqrt_", names); // norms by formulas
    }

    private static TrainingExample Choice(params int[] answer) => new([1, 2, 3, 4, .. answer], [.. Enumerable.Repeat(TrainingExample.Unsupervised, 4), .. answer], 1);

    private static void AssertRows(IEnumerable<LaunchedOperator> launched)
    {
        string[] without = [.. launched.Select(one => one.Name).Distinct().Where(name => OperatorNeeds.Of(name) is null)];

        Assert.True(without.Length == 0, $"No row of OperatorNeeds has {string.Join(", ", without)}: what they ask of a card stands in OperatorNeeds.Table.cs.");
    }
}
