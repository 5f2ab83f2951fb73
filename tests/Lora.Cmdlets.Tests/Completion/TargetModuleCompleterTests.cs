namespace Lora.Commands.Tests.Completion;

public sealed class TargetModuleCompleterTests(ModelShell shell) : IClassFixture<ModelShell>
{
    [Theory]
    [InlineData("-TargetModule ", "embed_tokens | q_proj | down_proj | lm_head")]
    [InlineData("-TargetModule input", "input")]
    [InlineData("d", "down_proj")]
    [InlineData("q_proj, d", "down_proj")]
    [InlineData("-TargetModule q_proj, d", "down_proj")]
    [InlineData("-TargetModule mlp", "mlp.down_proj")]
    [InlineData("-TargetModule 1.mlp.", "'1.mlp.down_proj'")]
    [InlineData("-TargetModule layers.1.", "layers.1.self_attn.q_proj | layers.1.mlp.down_proj")]
    [InlineData("-TargetModule model.layers.1.m", "model.layers.1.mlp.down_proj")]
    public void Targets_are_roles_and_endings_of_modules_that_LoRA_adapts(string parameter, string offered) =>
        Assert.Equal(offered, shell.Offer("New-LoraConfig -Model ./tiny " + parameter));

    [Fact]
    public void All_that_is_offered_is_taken()
    {
        string offered = shell.Offer("New-LoraConfig -Model ./tiny -TargetModule ") + " | " + shell.Offer("New-LoraConfig -Model ./tiny -TargetModule *.");

        Assert.All(offered.Split(" | "), entry => Assert.Single(shell.Run($"New-LoraConfig -Model ./tiny -TargetModule {entry} -WarningAction Ignore").Output));
    }

    [Theory]
    [InlineData("-TargetParameter ", "gate_up_proj | down_proj")]
    [InlineData("-TargetParameters experts.d", "experts.down_proj")]
    [InlineData("-TargetModule ", "q_proj | gate")]
    public void Experts_that_are_parameters_are_offered_as_such(string parameter, string offered) =>
        Assert.Equal(offered, shell.Offer("New-LoraConfig -Model ./mixture " + parameter));

    [Theory]
    [InlineData("-ExcludeModule ", "embed_tokens | q_proj | down_proj | lm_head")]
    [InlineData("-TargetModule q_proj -ExcludeModule ", "q_proj")]
    [InlineData("-TargetModule q_proj -ExcludeModule layers.", "layers.0.self_attn.q_proj | layers.1.self_attn.q_proj")]
    [InlineData("-TargetPattern '.*down_proj' -ExcludeModule ", "down_proj")]
    [InlineData("-TargetModule nothing -ExcludeModule l", "lm_head")]
    public void Exclusions_are_among_the_targets_that_are_named(string parameter, string offered) =>
        Assert.Equal(offered, shell.Offer("New-LoraConfig -Model ./tiny " + parameter));

    [Theory]
    [InlineData("-ModuleToSave ", "embed_tokens | q_proj | down_proj | input_layernorm | lm_head")]
    [InlineData("-ModulesToSave layers.0.i", "layers.0.input_layernorm")]
    public void Modules_to_save_are_of_any_kind(string parameter, string offered) =>
        Assert.Equal(offered, shell.Offer("New-LoraConfig -Model ./tiny " + parameter));

    [Theory]
    [InlineData("-TargetPattern ", "all-linear")]
    [InlineData("-TargetPattern .*q", ".*q")]
    [InlineData("-ExcludePattern q_f", "q_f")]
    public void A_pattern_is_the_users_own(string parameter, string offered) =>
        Assert.Equal(offered, shell.Offer("New-LoraConfig -Model ./tiny " + parameter));
}
