namespace Lora.Commands.Tests.Completion;

public sealed class ModuleGlobCompleterTests(ModelShell shell) : IClassFixture<ModelShell>
{
    [Theory]
    [InlineData("Get-LoraModule ./tiny -Include ", "embed_tokens | q_proj | down_proj | lm_head")]
    [InlineData("Get-LoraModule ./tiny -Exclude ", "embed_tokens | q_proj | down_proj | lm_head")]
    [InlineData("Get-LoraModule ./tiny -All -Include ", "embed_tokens | q_proj | down_proj | input_layernorm | lm_head")]
    [InlineData("Get-LoraModule ./tiny -Include Q", "q_proj")]
    [InlineData("Get-LoraModule ./tiny -Include:q", "q_proj")]
    [InlineData("Get-LoraModule ./tiny -Include *pro", "q_proj | down_proj")]
    public void Roles_of_the_modules_that_are_listed_are_offered(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    [Theory]
    [InlineData("Get-LoraModule -LiteralPath ./tiny -Exclude MODEL.layers.1.s", "model.layers.1.self_attn.q_proj")]
    [InlineData("Get-LoraModule ./tiny -Include **.1.", "model.layers.1.self_attn.q_proj | model.layers.1.mlp.down_proj")]
    [InlineData("Get-LoraModule ./tiny -Include model.e", "model.embed_tokens")]
    [InlineData("Get-LoraModule ./tiny -Include mod", "model.embed_tokens | model.layers.0.self_attn.q_proj | model.layers.0.mlp.down_proj | model.layers.1.self_attn.q_proj | model.layers.1.mlp.down_proj")]
    public void Whole_names_are_offered_once_a_dot_is_typed_or_no_role_begins_so(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    [Theory]
    [InlineData("Get-LoraModule ./tiny -Include /", "/lm_head")]
    [InlineData("Get-LoraModule ./tiny -Include /model.layers.0.m", "/model.layers.0.mlp.down_proj")]
    public void A_slash_begins_at_the_root(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    [Theory]
    [InlineData("Get-LoraModule ./tiny -Include '*_proj' -Exclude ", "q_proj | down_proj")]
    [InlineData("Get-LoraModule ./tiny -Include lm_head -Exclude q", "q")]
    public void What_is_not_included_need_not_be_excluded(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    [Theory]
    [InlineData("Get-LoraModule ./tiny -Include q_proj, ", "embed_tokens | down_proj | lm_head")]
    [InlineData("Get-LoraModule ./tiny -Include q_proj,", "embed_tokens | down_proj | lm_head")]
    [InlineData("Get-LoraModule ./tiny -Include q_proj, lm_head, d", "down_proj")]
    [InlineData("Get-LoraModule ./tiny -Include q_proj", "q_proj")]
    public void Of_a_list_the_last_element_is_completed_and_the_others_are_left_out(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    [Theory]
    [InlineData("Get-LoraModule ./tiny -Include 'q", "'q_proj'")]
    [InlineData("Get-LoraModule ./tiny -Include 'q'", "'q_proj'")]
    [InlineData("Get-LoraModule ./tiny -Include \"q", "\"q_proj\"")]
    public void The_quotes_that_were_typed_stay(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    // The file q_file.txt is what the shell would offer itself.
    [Theory]
    [InlineData("Get-LoraModule ./tiny -Include q_f", "q_f")]
    [InlineData("Get-LoraModule ./tiny -Include 'q_f", "'q_f'")]
    [InlineData("Get-LoraModule ./no-such-model -Include q", "q")]
    [InlineData("Get-LoraModule ./broken -Include q", "q")]
    [InlineData("Get-LoraModule nosuchdrive:/x -Include q", "q")]
    [InlineData("Get-LoraModule env:PATH -Include q", "q")]
    [InlineData("Get-LoraModule -Include q", "q")]
    [InlineData("New-LoraConfig -Exclude q", "q")]
    [InlineData("Get-LoraModule ./no-such-model -Include ", " ")]
    [InlineData("Get-LoraModule ./tiny -Include '[' -Exclude q", "q")]
    public void What_was_typed_stays_where_nothing_is_known(string line, string offered) => Assert.Equal(offered, shell.Offer(line));
}
