using Lora.Selection;

namespace Lora.Tests.Selection;

public class ModuleFilterTests
{
    private static readonly string[] Names = ["model.layers.0.q_proj", "model.layers.0.k_proj", "model.layers.1.q_proj", "lm_head"];

    [Fact]
    public void Exclusion_wins_and_order_stays()
    {
        ModuleFilterResult result = new ModuleFilter(["*_proj", "lm_head"], ["**.0.**"]).Apply(Names);
        Assert.Equal(["model.layers.1.q_proj", "lm_head"], result.Selected);
    }

    [Fact]
    public void Hits_are_counted_over_all_names_so_that_a_pattern_without_any_shows()
    {
        ModuleFilterResult result = new ModuleFilter(["q_proj", "v_proj"], ["lm_head", "*.0"]).Apply(Names);
        Assert.Equal([2, 0], result.IncludeHits);
        Assert.Equal([1, 0], result.ExcludeHits);
    }

    [Fact]
    public void Without_patterns_everything_is_taken() => Assert.Equal(Names, new ModuleFilter([], []).Apply(Names).Selected);

    [Fact]
    public void All_bad_patterns_are_reported_together()
    {
        LoraException exception = Assert.Throws<LoraException>(() => new ModuleFilter(["a", ""], ["b?", "c"]));
        Assert.Equal(["", "b?"], exception.Problems.Select(problem => problem.Target));
    }
}
