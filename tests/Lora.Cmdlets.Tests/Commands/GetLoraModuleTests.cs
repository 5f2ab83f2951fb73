using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Lora.Commands.Tests.Commands;

public sealed partial class GetLoraModuleTests : IClassFixture<HostedShell>, IDisposable
{
    private static readonly string[] Adaptable =
    [
        "model.embed_tokens",
        "model.layers.0.self_attn.q_proj",
        "model.layers.0.mlp.down_proj",
        "model.layers.1.self_attn.q_proj",
        "model.layers.1.mlp.down_proj",
        "lm_head",
    ];

    private readonly HostedShell shell;
    private readonly ModelFolder models = new();
    private readonly string model;

    public GetLoraModuleTests(HostedShell shell)
    {
        this.shell = shell;
        model = models.Add("tiny");
        shell.With("model", model);
    }

    public void Dispose() => models.Dispose();

    [Fact]
    public void It_lists_the_modules_that_LoRA_adapts_in_the_model_s_order() =>
        Assert.Equal(Adaptable, shell.Run("Get-LoraModule $model").Succeeded().Texts);

    [Fact]
    public void All_lists_the_other_kinds_too() => Assert.Equal(
        ["model.layers.0.input_layernorm", "model.layers.1.input_layernorm"],
        shell.Run("Get-LoraModule $model -All").Succeeded().Texts.Except(Adaptable));

    [Fact]
    public void What_it_writes_is_what_it_declares()
    {
        LoraModuleInfo module = (LoraModuleInfo)shell.Run("Get-LoraModule $model -Include '**.1.mlp.*'").Succeeded().Output.Single().BaseObject;

        Assert.Equal(LoraModuleKind.Linear, module.Kind);
        Assert.Equal([8, 16], module.Shape);
        Assert.Equal(16, module.InFeatures);
        Assert.Equal(8, module.OutFeatures);
        Assert.Equal(1, module.Layer);
        Assert.Equal("down_proj", module.Role);
        Assert.Equal(model, module.Model);
    }

    [Fact]
    public void The_table_shows_name_kind_shape_parameters_and_type() => Assert.Equal(
        """
        Name Kind Shape ParameterCount DataType
        ---- ---- ----- -------------- --------
        model.embed_tokens Embedding 32 x 8 256 BF16
        model.layers.0.input_layernorm Norm 8 8 BF16
        """,
        Spaces().Replace(shell.Show("Get-LoraModule $model -All -Include embed_tokens, **.0.input_layernorm"), " "));

    [Fact]
    public void Layer_counts_blocks_and_leaves_out_what_is_in_none()
    {
        Assert.Equal(
            ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.down_proj"], shell.Run("Get-LoraModule $model -Layer 0").Succeeded().Texts);
        Assert.Equal(["model.layers.1.mlp.down_proj"], shell.Run("Get-LoraModule $model -Layer (1..1) -Include down_proj").Succeeded().Texts);
    }

    [Fact]
    public void A_layer_that_the_model_does_not_have_is_warned_of()
    {
        ShellResult result = shell.Run("Get-LoraModule $model -Layer 1, 2, 7 -Include q_proj").Succeeded();

        Assert.Equal(["model.layers.1.self_attn.q_proj"], result.Texts);
        Assert.Equal($"-Layer 2, 7 is not in '{model}': its blocks are 0 to 1.", Assert.Single(result.Warnings));
    }

    [Theory]
    [InlineData("-Include q_PROJ", "model.layers.0.self_attn.q_proj,model.layers.1.self_attn.q_proj")]
    [InlineData("-Include *_proj -Exclude **.0.**", "model.layers.1.self_attn.q_proj,model.layers.1.mlp.down_proj")]
    [InlineData("-Exclude *_proj, embed_tokens", "lm_head")]
    public void Include_and_Exclude_are_globs_over_dotted_names_without_case(string arguments, string expected) =>
        Assert.Equal(expected.Split(','), shell.Run("Get-LoraModule $model " + arguments).Succeeded().Texts);

    [Fact]
    public void A_pattern_that_matches_nothing_is_warned_of_by_name()
    {
        ShellResult result = shell.Run("Get-LoraModule $model -Include q_proj, k_prj -Exclude nothing").Succeeded();

        Assert.Equal(2, result.Output.Count);
        Assert.Equal(2, result.Warnings.Count);
        Assert.Contains("-Include entry 'k_prj'", result.Warnings[0], StringComparison.Ordinal);
        Assert.Contains("-Exclude entry 'nothing'", result.Warnings[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Patterns_that_cannot_be_used_end_the_command_and_are_reported_together()
    {
        ErrorRecord error = Assert.Single(shell.Run("Get-LoraModule $model -Include 'a/b', ''").Errors);

        Assert.Equal("LoraPatternInvalid,Lora.Commands.GetLoraModuleCommand", error.FullyQualifiedErrorId);
        Assert.Equal(2, ((LoraException)error.Exception).Problems.Count);
    }

    [Fact]
    public void The_first_object_is_enough_for_a_pipeline_that_stops_early() => Assert.Equal(
        ["model.embed_tokens"],
        shell.Run("foreach ($once in 1) { Get-LoraModule $model, $model | ForEach-Object { $_; break } }").Succeeded().Texts);

    [Fact]
    public void It_runs_under_strict_mode_and_fills_the_common_variables()
    {
        ShellResult result = shell.Run("""
            & {
                Set-StrictMode -Version Latest
                Get-LoraModule missing -ErrorAction SilentlyContinue -ErrorVariable failures -OutVariable found
                Get-LoraModule $model -Include nothing -WarningAction SilentlyContinue -WarningVariable warnings
                $failures.Count, $found.Count, $warnings.Count
            }
            """);

        Assert.Equal(["1", "0", "1"], result.Texts);
    }

    [Fact]
    public void It_runs_in_several_runspaces_at_once() => Assert.Equal(
        Enumerable.Repeat("6", 4),
        shell.Run("1..4 | ForEach-Object -Parallel { Import-Module $using:manifest; @(Get-LoraModule $using:model).Count }".Replace(
            "$using:manifest", $"'{Repository.Manifest}'", StringComparison.Ordinal)).Succeeded().Texts);

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
