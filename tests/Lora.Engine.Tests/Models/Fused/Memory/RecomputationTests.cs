using Lora.Models;

namespace Lora.Tests.Models;

public class RecomputationTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(2, 0, 2)]
    [InlineData(3, 0, 3)]
    [InlineData(4, 1, 3)]
    [InlineData(6, 3, 3)]
    [InlineData(99, 3, 3)]
    public void The_least_that_fits_takes_attention_before_blocks_and_never_the_last(int needed, int blocks, int attentions)
    {
        Recomputation chosen = Recomputation.Least(4, choice => choice.Blocks + choice.Attentions >= needed);

        Assert.Equal(new(blocks, attentions), chosen);
    }

    [Fact]
    public void The_lowest_blocks_keep_the_least()
    {
        Recomputation recomputation = new(1, 2);

        Assert.Equal([Kept.Input, Kept.AllButProbabilities, Kept.All], Enumerable.Range(0, 3).Select(recomputation.Of));
    }

    [Fact]
    public void A_model_whose_head_alone_learns_has_nothing_to_compute_again() => Assert.Equal(default, Recomputation.Full(0));
}
