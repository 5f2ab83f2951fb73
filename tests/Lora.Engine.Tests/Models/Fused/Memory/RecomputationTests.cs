using Lora.Models;

namespace Lora.Tests.Models;

public class RecomputationTests
{
    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(2, 0, 0, 2)]
    [InlineData(3, 0, 0, 3)]
    [InlineData(4, 0, 1, 3)]
    [InlineData(6, 0, 3, 3)]
    [InlineData(7, 1, 3, 3)]
    [InlineData(9, 3, 3, 3)]
    [InlineData(99, 3, 3, 3)]
    public void The_least_that_fits_takes_attention_then_norms_and_activations_then_blocks_and_never_the_last(int needed, int blocks, int activations, int attentions)
    {
        Recomputation chosen = Recomputation.Least(4, choice => choice.Blocks + choice.Activations + choice.Attentions >= needed);

        Assert.Equal(new(blocks, activations, attentions), chosen);
    }

    [Fact]
    public void The_lowest_blocks_keep_the_least()
    {
        Recomputation recomputation = new(1, 2, 3);

        Assert.Equal([Kept.Input, Kept.Products, Kept.AllButProbabilities, Kept.All], Enumerable.Range(0, 4).Select(recomputation.Of));
    }

    [Fact]
    public void A_model_whose_head_alone_learns_has_nothing_to_compute_again() => Assert.Equal(default, Recomputation.Full(0));
}
