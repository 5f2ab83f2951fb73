using Lora.Selection;

namespace Lora.Tests.Selection;

public class FileTargetsTests
{
    private static readonly string[] Names = ["blocks.0.q_proj", "blocks.0.v_proj", "blocks.0.proj_out", "blocks.1.q_proj", "proj_out"];

    [Fact]
    public void Exact_names_become_a_sorted_list() =>
        Assert.Equal(["blocks.0.q_proj", "blocks.1.q_proj"], Spell(new() { Module = ["blocks.1.q_proj", "blocks.0.q_proj"] }).TargetModule!);

    [Fact]
    public void Exact_names_that_are_endings_of_others_become_a_pattern() =>
        Assert.Equal(@"blocks\.0\.q_proj|proj_out", Spell(new() { Module = ["proj_out", "blocks.0.q_proj"] }).TargetPattern);

    [Fact]
    public void All_linear_and_defaults_are_spelled_out()
    {
        Assert.Equal(5, Spell(new() { TargetPattern = "all-linear" }).TargetModule!.Length);
        Assert.Equal(["q_proj", "v_proj"], Spell(new()).TargetModule!);
    }

    [Fact]
    public void What_peft_reads_the_same_way_is_left()
    {
        LoraConfig config = new() { TargetModule = ["v_proj"] };

        Assert.Same(config, Spell(config));
    }

    /// <summary>Spells a configuration and checks that it means the same when all its exact names are read as endings.</summary>
    private static LoraConfig Spell(LoraConfig config)
    {
        LoraModuleInfo[] modules = [.. Names.Select(name => new LoraModuleInfo { Name = name, Kind = LoraModuleKind.Linear })];
        ResolvedTargets resolved = TargetResolver.Resolve(config, modules, [], "llama");

        LoraConfig spelled = FileTargets.Spell(config, resolved);

        Assert.Null(spelled.Module);
        Assert.Equal(resolved.Targets, TargetResolver.Resolve(spelled, modules, [], null).Targets);
        return spelled;
    }
}
