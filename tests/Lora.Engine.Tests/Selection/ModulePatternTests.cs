using CsCheck;
using Lora.Selection;
using Microsoft.Extensions.FileSystemGlobbing;

namespace Lora.Tests.Selection;

public class ModulePatternTests
{
    [Theory]
    [InlineData("*_proj", "model.layers.0.self_attn.q_proj", true)]
    [InlineData("*_proj", "model.layers.0.q_proj.inner", false)]
    [InlineData("q_PROJ", "model.layers.0.self_attn.q_proj", true)]
    [InlineData("lm_head", "lm_head", true)]
    [InlineData("**.11.**", "model.layers.11.mlp.up_proj", true)]
    [InlineData("**.11.**", "11", true)]
    [InlineData("**.11.**", "model.layers.110.mlp.up_proj", false)]
    [InlineData("model.layers.*.mlp.**", "model.layers.3.mlp.experts.0.up_proj", true)]
    [InlineData("model.layers.*.mlp.**", "model.layers.3.self_attn.q_proj", false)]
    [InlineData("model.layers.*.mlp", "model.layers.3.x.mlp", false)]
    [InlineData("layers.*", "model.layers.3", false)]
    [InlineData("proj_out", "single_transformer_blocks.0.proj_out", true)]
    [InlineData("/proj_out", "proj_out", true)]
    [InlineData("/proj_out", "single_transformer_blocks.0.proj_out", false)]
    [InlineData("/model.**.q_proj", "model.layers.0.self_attn.q_proj", true)]
    [InlineData("**.norm*.linear", "single_transformer_blocks.1.norm.linear", true)]
    [InlineData("a.**.b.**.c", "a.b.x.b.c", true)]
    [InlineData("a.**.b.**.c", "a.x.y.c", false)]
    [InlineData("*", "any.name.at.all", true)]
    [InlineData("**", "any.name.at.all", true)]
    [InlineData("x*y*z", "a.xyyz", true)]
    [InlineData("x*y*z", "a.xyz.b", false)]
    public void A_pattern_matches_as_a_path_does(string pattern, string name, bool expected) =>
        Assert.Equal(expected, ModulePattern.Parse(pattern).IsMatch(name));

    [Fact]
    public void Two_stars_at_the_end_take_the_module_itself_and_all_below()
    {
        ModulePattern pattern = ModulePattern.Parse("vision_tower.**");
        Assert.True(pattern.IsMatch("vision_tower"));
        Assert.True(pattern.IsMatch("vision_tower.blocks.0.attn.qkv"));
        Assert.False(pattern.IsMatch("model.vision_tower.blocks"));
        Assert.False(pattern.IsMatch("vision_tower_2"));
    }

    [Theory]
    [InlineData("a:b|c.x", "a:b|c.x")]
    [InlineData("**.con.nul", "x.con.nul")]
    [InlineData("a .b ", "a .b ")]
    public void Characters_and_names_that_a_file_system_reserves_are_plain(string pattern, string name) =>
        Assert.True(ModulePattern.Parse(pattern).IsMatch(name));

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("/")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData("a.")]
    [InlineData("a/b")]
    [InlineData("//a")]
    [InlineData("a\\b")]
    [InlineData("?_proj")]
    [InlineData("[qk]_proj")]
    public void What_is_no_pattern_is_refused(string text)
    {
        LoraException exception = Assert.Throws<LoraException>(() => ModulePattern.Parse(text));
        Assert.Equal((LoraError.PatternInvalid, text), (exception.Error, exception.Problem.Target));
    }

    [Fact]
    public void Any_pattern_matches_what_FileSystemGlobbing_matches()
    {
        Gen<string> part = Gen.OneOf("a", "b", "ab", "ba", "A", "0", "10");
        Gen<string> patternPart = Gen.OneOf("a", "b", "*", "**", "a*", "*b", "*a*", "0", "**b", "a**b", "***");
        Gen<string> name = part.Array[1, 6].Select(parts => string.Join('.', parts));
        Gen<string> pattern = Gen.Select(Gen.OneOf("", "/"), patternPart.Array[1, 5], (root, parts) => root + string.Join('.', parts));

        Gen.Select(pattern, name).Sample(
            (text, candidate) => ModulePattern.Parse(text).IsMatch(candidate) == MatcherSays(text, candidate),
            iter: 5000);
    }

    /// <summary>The definition: the library's own matcher, over paths, with x added to x/**.</summary>
    private static bool MatcherSays(string text, string name)
    {
        string path = text.Replace('.', '/');
        path = path.Contains('/') ? path : "**/" + path;
        Matcher matcher = new(StringComparison.OrdinalIgnoreCase);
        matcher.AddInclude(path);
        while (path.EndsWith("/**", StringComparison.Ordinal))
        {
            path = path[..^3];
            matcher.AddInclude(path.Length == 0 ? "**" : path);
        }

        return matcher.Match("/", name.Replace('.', '/')).HasMatches;
    }
}
