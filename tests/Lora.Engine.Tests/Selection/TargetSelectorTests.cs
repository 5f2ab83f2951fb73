using System.Text.Json.Nodes;
using Lora.Selection;

namespace Lora.Tests.Selection;

public class TargetSelectorTests
{
    [Theory]
    [InlineData(false, 569)]
    [InlineData(true, 668)]
    public void Every_name_is_decided_as_by_peft(bool shared, int count)
    {
        JsonObject[] cases = [.. PeftCases.Read("peft_match.json", shared, null)];

        IEnumerable<string> wrong = cases.Where(item => Kind(item) != item["kind"]!.GetValue<string>()).Select(item => item.ToJsonString());

        Assert.Empty(wrong);
        Assert.Equal(count, cases.Length);
    }

    [Fact]
    public void Exact_names_are_no_endings()
    {
        TargetSelector selector = new(new() { Module = ["proj_out"] });

        Assert.True(selector.Decide("proj_out").Targeted);
        Assert.False(selector.Decide("blocks.0.proj_out").Targeted);
    }

    [Fact]
    public void Exact_names_can_be_excluded()
    {
        TargetSelector selector = new(new() { Module = ["a.q", "b.q"], ExcludePattern = "b.*" });

        Assert.Equal([TargetOutcome.Match, TargetOutcome.Excluded], new[] { "a.q", "b.q" }.Select(name => selector.Decide(name).Outcome));
    }

    [Theory]
    [InlineData("lm_head", "excluded: ExcludeModule 'lm_head'")]
    [InlineData("model.norm", "trained whole: ModulesToSave 'norm'")]
    [InlineData("q_proj", "TargetModule 'q_proj'")]
    [InlineData("model.layers.1.q_proj", "TargetModule 'q_proj'")]
    [InlineData("model.layers.2.q_proj", "TargetModule 'q_proj', but layer 2 is not asked for")]
    [InlineData("model.q_proj", "TargetModule 'q_proj', but no layer number in the name")]
    [InlineData("model.layers.1.k_proj", "no target matches")]
    public void The_reason_names_the_entry_that_decided(string name, string reason)
    {
        TargetSelector selector = new(new()
        {
            TargetModule = ["v_proj", "q_proj"],
            ExcludeModule = ["lm_head"],
            ModulesToSave = ["norm"],
            LayersToTransform = [1],
        });

        Assert.Equal(reason, selector.Decide(name).Reason);
    }

    [Fact]
    public void Of_several_endings_the_longest_is_named()
    {
        TargetDecision decision = new TargetSelector(new() { TargetModule = ["q_proj", "attn.q_proj"] }).Decide("layers.0.attn.q_proj");

        Assert.Equal(("attn.q_proj", 1), (decision.Entry, decision.EntryIndex));
    }

    [Theory]
    [MemberData(nameof(PeftCases.Committed_and_shared), MemberType = typeof(PeftCases))]
    public void A_layers_pattern_that_breaks_peft_is_an_error(bool shared)
    {
        foreach (JsonObject item in PeftCases.Read("peft_errors.json", shared, "matching"))
        {
            LoraException exception = Assert.Throws<LoraException>(() => new TargetSelector(PeftCases.MatchConfig(item)));
            Assert.Equal(LoraError.PatternInvalid, exception.Error);
        }
    }

    private static string Kind(JsonObject item) => new TargetSelector(PeftCases.MatchConfig(item)).Decide(item["key"]!.GetValue<string>()).Outcome switch
    {
        TargetOutcome.Match => "match",
        TargetOutcome.Excluded => "excluded",
        _ => "nomatch",
    };
}
