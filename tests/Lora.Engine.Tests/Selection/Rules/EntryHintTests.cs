using Lora.Checkpoints;
using Lora.Selection;
using Lora.Tests.Training;

namespace Lora.Tests.Selection;

/// <summary>On the example model: what is said of an entry that matches nothing.</summary>
public class EntryHintTests
{
    private static readonly ModuleTree Tree = ModuleTree.Read(ExampleRun.Model);

    [Theory]
    [InlineData("all-linear", "it is a pattern: give it as TargetPattern")]
    [InlineData("q_proj,v_proj", "several names are several entries of the list")]
    [InlineData("q_proj v_proj", "several names are several entries of the list")]
    [InlineData("*_proj", "without wildcards")]
    [InlineData(".*q_proj", "give a regular expression as TargetPattern")]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj", "do not begin with 'base_model.model.'")]
    [InlineData("q_porj", "near it are 'q_proj'")]
    public void A_list_s_entry(string entry, string hint) => Check(new() { TargetModule = ["q_proj", entry] }, hint);

    [Theory]
    [InlineData("q_proj", @"a pattern matches whole names: write '.*\.q_proj', or give 'q_proj' as TargetModule")]
    [InlineData(@"model\.layers\.\d+\.self_attn\.q_porj", "near it are 'q_proj'")]
    [InlineData(@"transformer\..*\.q_proj", "matches no module of the model.")]
    public void A_pattern(string pattern, string hint) => Check(new() { TargetPattern = pattern }, hint);

    [Fact]
    public void An_exclusion_is_sent_to_its_own_pattern() => Check(new() { TargetModule = ["q_proj"], ExcludeModule = [".*q_proj"] }, "as ExcludePattern");

    [Fact]
    public void A_key_of_a_table_with_PEFTs_prefix() => Check(
        new() { TargetModule = ["q_proj"], RankPattern = [new() { Pattern = "base_model.model.model.layers.0.self_attn.q_proj", Value = 4 }] }, "do not begin with");

    private static void Check(LoraConfig config, string hint)
    {
        LoraException exception = Assert.Throws<LoraException>(() => TargetResolver.Resolve(config, Tree.Modules, Tree.Containers, Tree.ModelType));
        Assert.Equal(LoraError.TargetNotFound, exception.Error);
        Assert.Contains(hint, exception.Message, StringComparison.Ordinal);
    }
}
