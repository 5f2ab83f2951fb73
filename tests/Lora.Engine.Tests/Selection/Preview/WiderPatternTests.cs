using Lora.Selection;

namespace Lora.Tests.Selection;

public class WiderPatternTests
{
    private static readonly string[] Names = ["model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj", "lm_head"];

    [Theory]
    [InlineData("model.*.q_proj", "'model.**.q_proj'")]
    [InlineData("layers.0.*", "'**.layers.0.**'")]
    [InlineData("self_attn.q_proj", "'**.self_attn.q_proj'")]
    [InlineData("/layers.*.q_proj", "'**.layers.**.q_proj'")]
    [InlineData("v_proj", null)]
    [InlineData("model.*.v_proj", null)]
    public void A_glob_that_stars_would_widen_to_a_match_is_named(string pattern, string? hint)
    {
        string found = WiderPattern.Hint(ModulePattern.Parse(pattern), Names);

        Assert.Equal(hint is null, found.Length == 0);
        Assert.Contains(hint ?? "", found, StringComparison.Ordinal);
    }
}
