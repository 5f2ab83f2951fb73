using Lora.Selection;

namespace Lora.Tests.Selection;

public class ConfigComparerTests
{
    private static readonly string Model = Path.Combine(Repository.Root, "examples", "model");

    [Fact]
    public void What_only_one_adapts_and_what_both_adapt_differently_is_told_with_its_side()
    {
        LoraConfig reference = new() { TargetModule = ["q_proj", "k_proj"], Rank = 4 };
        LoraConfig other = new() { TargetModule = ["q_proj", "v_proj"], Rank = 4, RankPattern = [new() { Pattern = "0.self_attn.q_proj", Value = 8 }] };
        LoraConfigComparison comparison = ConfigComparer.Compare(reference, other, Model);

        Assert.Equal(
            ["model.layers.0.self_attn.q_proj <>", "model.layers.0.self_attn.k_proj <=", "model.layers.0.self_attn.v_proj =>"],
            comparison.Difference.Where(difference => difference.Name.Contains(".0.", StringComparison.Ordinal)).Select(difference => difference.ToString()));
        Assert.Equal(3, comparison.EqualCount);
        Assert.Equal(comparison.DifferenceParameter - comparison.ReferenceParameter, comparison.Difference.Sum(difference => difference.ParameterChange));
        Assert.Equal(4 * comparison.ReferenceParameter, comparison.ReferenceByte);
    }

    [Fact]
    public void Heads_of_different_tasks_are_not_taken_for_each_other()
    {
        LoraConfig reference = new() { TargetModule = ["q_proj"], ModulesToSave = ["lm_head"] };
        LoraConfigComparison comparison = ConfigComparer.Compare(reference, new() { TargetModule = ["q_proj"], TaskType = "SEQ_CLS" }, Model);

        Assert.Equal(["lm_head <=", "score =>"], comparison.Difference.Select(difference => difference.ToString()));
        Assert.Null(comparison.Difference[0].Difference);
        Assert.Null(comparison.Difference[1].Reference);
        Assert.Equal(comparison.DifferenceParameter - comparison.ReferenceParameter, comparison.Difference.Sum(difference => difference.ParameterChange));
    }

    [Fact]
    public void A_configuration_does_not_differ_from_itself()
    {
        LoraConfig config = new() { TargetPattern = "all-linear" };
        LoraConfigComparison comparison = ConfigComparer.Compare(config, config, Model);

        Assert.Empty(comparison.Difference);
        Assert.Equal(28, comparison.EqualCount);
    }
}
