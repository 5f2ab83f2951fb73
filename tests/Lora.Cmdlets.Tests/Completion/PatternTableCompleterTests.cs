namespace Lora.Commands.Tests.Completion;

public sealed class PatternTableCompleterTests(ModelShell shell) : IClassFixture<ModelShell>
{
    [Theory]
    [InlineData("-TargetModule q_proj, down_proj -RankPattern ", "@{ q_proj = 16 } | @{ down_proj = 16 }")]
    [InlineData("-Rank 8 -RankPattern q", "@{ q_proj = 8 }")]
    [InlineData("-AlphaPattern q", "@{ q_proj = 32 }")]
    [InlineData("-Alpha 4.5 -AlphaPattern mlp.", "@{ 'mlp.down_proj' = 4.5 }")]
    public void A_table_of_one_target_with_the_value_that_it_has_is_offered(string parameter, string offered) =>
        Assert.Equal(offered, shell.Offer("New-LoraConfig -Model ./tiny " + parameter));

    [Fact]
    public void The_table_is_taken() =>
        Assert.Single(shell.Run($"New-LoraConfig -Model ./tiny -TargetModule q_proj -RankPattern {shell.Offer("New-LoraConfig -Model ./tiny -TargetModule q_proj -RankPattern self")}").Output);
}
