using Lora.Checkpoints;
using Lora.Selection;
using Lora.Tests.Training;

namespace Lora.Tests.Selection;

/// <summary>On the example model, whose head shares the embedding's weight.</summary>
public class TargetNotesTests
{
    private static readonly ModuleTree Tree = ModuleTree.Read(ExampleRun.Model);

    [Theory]
    [InlineData("lm_head", "'lm_head' shares its weight with 'model.embed_tokens'")]
    [InlineData("embed_tokens", "'model.embed_tokens' shares its weight with 'lm_head'")]
    public void A_target_with_a_shared_weight_is_told_of_once(string target, string said) =>
        Assert.StartsWith(said, Assert.Single(Notes(new() { TargetModule = ["q_proj", target] })), StringComparison.Ordinal);

    [Fact]
    public void An_entry_that_matches_and_never_decides_is_told_of_with_its_matches()
    {
        Assert.Contains(
            "TargetModule entry 'q_proj' matches 4 modules and decides about none",
            Assert.Single(Notes(new() { TargetModule = ["q_proj", "self_attn.q_proj"] })),
            StringComparison.Ordinal);
        Assert.Contains(
            "RankPattern entry 'layers.0.self_attn.q_proj' matches 1 module and",
            Assert.Single(Notes(new()
            {
                TargetModule = ["q_proj"],
                RankPattern = [new() { Pattern = "q_proj", Value = 4 }, new() { Pattern = "layers.0.self_attn.q_proj", Value = 2 }],
            })),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_rank_above_the_smaller_side_of_matrices_is_told_of_once_with_their_number()
    {
        // q_proj is 128 x 128, k_proj 64 x 128, in each of four blocks.
        Assert.Equal(
            "The rank is above the smaller side of the matrix in 4 of 8 modules, and more than that gives nothing: 'model.layers.0.self_attn.k_proj' has 64, and rank 65.",
            Assert.Single(Notes(new() { TargetModule = ["q_proj", "k_proj"], Rank = 65 })));
        Assert.Empty(Notes(new() { TargetModule = ["q_proj", "k_proj"], Rank = 64 }));
    }

    [Fact]
    public void Nothing_is_said_of_entries_that_others_stand_in_for_or_that_nobody_wrote()
    {
        string[] many = [.. Tree.Modules.Select(module => module.Name).Where(name => name.EndsWith("_proj", StringComparison.Ordinal))];

        Assert.Empty(Notes(new() { TargetModule = many, LayersToTransform = [0] }));
        Assert.Empty(Notes(new() { ExcludeModule = ["q_proj"] }));
        Assert.Empty(Notes(new() { TargetPattern = "all-linear" }));
    }

    private static IReadOnlyList<string> Notes(LoraConfig config) =>
        TargetResolver.Resolve(config, Tree.Modules, Tree.Containers, Tree.ModelType).Notes;
}
