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

    [Theory]
    [InlineData(LoraModuleKind.Conv1D, true)]
    [InlineData(LoraModuleKind.Linear, false)]
    public void Weights_that_lie_inputs_first_are_said_to(LoraModuleKind kind, bool expected)
    {
        LoraConfig config = new() { TargetModule = ["c_attn"] };
        ResolvedTargets resolved = TargetResolver.Resolve(config, [new LoraModuleInfo { Name = "h.0.attn.c_attn", Kind = kind }], [], "gpt2");

        Assert.Equal(expected, FileTargets.Spell(config, resolved).FanInFanOut);
    }

    [Theory]
    [InlineData("norm", "model.norm")]
    [InlineData("layers.0.mlp", "model.layers.0.mlp")]
    [InlineData("up_proj", "model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj")]
    [InlineData("input_layernorm", "model.layers.0.input_layernorm", "model.layers.1.input_layernorm")]
    public void What_is_trained_whole_is_named_so_that_peft_s_plain_endings_mean_the_same(string entry, params string[] names)
    {
        string[] all = ["model.layers.0.input_layernorm", "model.layers.0.mlp", "model.layers.0.mlp.up_proj", "model.layers.0.q_proj", "model.layers.1.input_layernorm", "model.layers.1.mlp.up_proj", "model.norm"];
        LoraConfig config = new() { TargetModule = ["q_proj"], ModulesToSave = [entry] };
        LoraModuleInfo[] modules = [.. all.Select(name => new LoraModuleInfo { Name = name, Kind = LoraModuleKind.Linear })];

        ResolvedTargets resolved = TargetResolver.Resolve(config, modules, [], "llama");
        string[] written = FileTargets.Spell(config, resolved).ModulesToSave!;

        Assert.Equal(names, written);
        Assert.Equal(names, all.Where(name => written.Any(end => name.EndsWith(end, StringComparison.Ordinal))));
        Assert.Empty(resolved.Notes);
    }

    [Fact]
    public void Patterns_of_one_module_are_spelled_out_so_that_their_order_does_not_matter()
    {
        LoraPatternValue[] patterns = [new() { Pattern = "q_proj", Value = 4 }, new() { Pattern = @"blocks\.0\..*", Value = 2 }];
        LoraConfig config = new() { TargetModule = ["q_proj", "v_proj"], RankPattern = patterns, AlphaPattern = [patterns[1]] };
        LoraModuleInfo[] modules = [.. Names.Select(name => new LoraModuleInfo { Name = name, Kind = LoraModuleKind.Linear })];
        ResolvedTargets resolved = TargetResolver.Resolve(config, modules, [], "llama");

        LoraConfig spelled = FileTargets.Spell(config, resolved);

        LoraPatternValue[] sorted = [.. spelled.RankPattern!.OrderBy(entry => entry.Pattern, StringComparer.Ordinal)];
        Assert.Equal([4, 2, 4], resolved.Targets.Select(target => target.Rank));
        Assert.Equal(resolved.Targets, TargetResolver.Resolve(spelled with { RankPattern = sorted }, modules, [], "llama").Targets);
        Assert.Equal(resolved.Targets, TargetResolver.Resolve(spelled with { RankPattern = [.. sorted.Reverse()] }, modules, [], "llama").Targets);
        Assert.Same(config.AlphaPattern, spelled.AlphaPattern);
    }

    [Fact]
    public void A_name_that_peft_takes_for_the_ending_of_another_is_told()
    {
        LoraModuleInfo[] modules = [.. new[] { "layers.0.input_layernorm", "layers.0.q_proj", "norm" }.Select(name => new LoraModuleInfo { Name = name, Kind = LoraModuleKind.Linear })];

        ResolvedTargets resolved = TargetResolver.Resolve(new() { TargetModule = ["q_proj"], ModulesToSave = ["norm"] }, modules, [], null);

        Assert.Equal("'norm' is trained whole. PEFT, which takes the name for an ending, trains 'layers.0.input_layernorm' whole too and so does not load the adapter.", Assert.Single(resolved.Notes));
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
