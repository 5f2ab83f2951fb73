using Lora.Selection;

namespace Lora.Tests.Selection;

public class RankBudgetTests
{
    [Fact]
    public void Ranks_are_in_proportion_to_the_score_and_add_up_to_the_budget()
    {
        int[] ranks = RankBudget.Spread([Module("a", 4), Module("b", 2), Module("c", 1), Module("d", 1)], 32, LoraModuleScore.Gradient);

        Assert.Equal([16, 8, 4, 4], ranks);
    }

    [Fact]
    public void Remainders_go_to_the_largest_and_every_module_keeps_one()
    {
        int[] ranks = RankBudget.Spread([Module("a", 10), Module("b", 9), Module("c", 0), Module("d", 0.001)], 11, LoraModuleScore.Gradient);

        // One each for the last two; nine for the others: 4.74 and 4.26.
        Assert.Equal([5, 4, 1, 1], ranks);
    }

    [Fact]
    public void What_a_small_weight_cannot_take_goes_to_the_others()
    {
        int[] ranks = RankBudget.Spread([Module("a", 100, side: 4), Module("b", 1), Module("c", 1)], 20, LoraModuleScore.Gradient);

        Assert.Equal([4, 8, 8], ranks);
    }

    [Fact]
    public void Of_a_score_whose_low_end_is_good_the_inverse_counts()
    {
        LoraModuleInfo[] modules = [new() { Name = "a", InFeatures = 64, OutFeatures = 64, ConditionNumber = 1 }, new() { Name = "b", InFeatures = 64, OutFeatures = 64, ConditionNumber = 3 }];

        Assert.Equal([12, 4], RankBudget.Spread(modules, 16, LoraModuleScore.ConditionNumber));
    }

    [Theory]
    [InlineData(false, 16, 32)]
    [InlineData(true, 16, 22.627416997969522)]
    public void The_scaling_of_each_module_stays(bool useRsLora, int rank, double alpha)
    {
        LoraConfig config = new() { Rank = 8, Alpha = 16, UseRsLora = useRsLora };

        LoraConfig spread = RankBudget.Apply(config, [Module("a", 2), Module("b", 1)], 24, LoraModuleScore.Gradient);

        Assert.Equal([("a", rank)], spread.RankPattern!.Select(entry => (entry.Pattern, (int)entry.Value)));
        Assert.Equal(alpha, spread.AlphaPattern!.Single().Value, 9);
        Assert.Equal(config.ScalingOf(8, 16), spread.ScalingOf(rank, spread.AlphaPattern!.Single().Value), 12);
    }

    [Theory]
    [InlineData(1, "1 for 2 modules")]
    [InlineData(129, "129 for 2 modules")]
    public void A_budget_that_cannot_be_is_refused_with_what_can(int budget, string said)
    {
        LoraException exception = Assert.Throws<LoraException>(() => RankBudget.Spread([Module("a", 1), Module("b", 1)], budget, LoraModuleScore.Gradient));

        Assert.Equal(LoraError.ConfigValueInvalid, exception.Error);
        Assert.Contains(said, exception.Message, StringComparison.Ordinal);
        Assert.Contains("from 2, a rank of 1 for each, to 128", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Modules_without_the_score_are_named()
    {
        LoraException exception = Assert.Throws<LoraException>(() => RankBudget.Spread([Module("a", 1), Module("b", null)], 8, LoraModuleScore.Gradient));

        Assert.Contains("Gradient, which 'b' has no usable value of", exception.Message, StringComparison.Ordinal);
    }

    private static LoraModuleInfo Module(string name, double? gradient, long side = 64) => new() { Name = name, InFeatures = side, OutFeatures = 64, Gradient = gradient };
}
