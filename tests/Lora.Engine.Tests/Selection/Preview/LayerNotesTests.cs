using Lora.Checkpoints;
using Lora.Selection;
using Lora.Tests.Training;

namespace Lora.Tests.Selection;

/// <summary>What is said of LayersToTransform, on the example model of four blocks and on names of other trees.</summary>
public class LayerNotesTests
{
    private static readonly ModuleTree Tree = ModuleTree.Read(ExampleRun.Model);

    [Fact]
    public void Numbers_that_hit_nothing_are_told_with_those_that_there_are() => Assert.Contains(
        "LayersToTransform 4, 99 hits nothing: what the targets match lies in the layers 0, 1, 2, 3.",
        Notes(new() { TargetModule = ["q_proj"], LayersToTransform = [1, 2, 4, 99] }));

    [Fact]
    public void A_pattern_that_hits_nothing_is_told() => Assert.Contains(
        "The LayersPattern entry 'blocks' hits none of the modules that the targets match.",
        Notes(new() { TargetModule = ["q_proj"], LayersToTransform = [1], LayersPattern = ["blocks", "layers"] }));

    [Fact]
    public void Layers_that_are_all_there_are_not_spoken_of() =>
        Assert.Empty(Notes(new() { TargetModule = ["q_proj"], LayersToTransform = [0, 3] }));

    [Fact]
    public void Modules_whose_number_PEFT_reads_otherwise_than_the_listing_are_named()
    {
        // flux: PEFT's greedy pattern finds the number of the Sequential, the listing that of the block.
        LoraModuleInfo[] modules = [.. Enumerable.Range(0, 2).Select(block => new LoraModuleInfo
        {
            Name = $"transformer_blocks.{block}.ff.net.0.proj", Kind = LoraModuleKind.Linear, Layer = block, Role = "proj", Shape = [8, 8],
        })];
        IReadOnlyList<string> notes = TargetResolver.Resolve(
            new() { TargetModule = ["proj"], LayersToTransform = [0] }, modules, [], modelType: null).Notes;
        Assert.Contains("Taken by the number that PEFT reads in their names, though the listing has them in another layer: transformer_blocks.1.ff.net.0.proj.", notes);
    }

    [Fact]
    public void Names_without_a_number_that_PEFT_reads_say_so()
    {
        LoraModuleInfo[] modules = [new() { Name = "layers.0.q_proj", Kind = LoraModuleKind.Linear, Layer = 0, Role = "q_proj", Shape = [8, 8] }];
        LoraException exception = Assert.Throws<LoraException>(() => TargetResolver.Resolve(
            new() { TargetModule = ["q_proj"], LayersToTransform = [0] }, modules, [], modelType: null));
        Assert.Contains("no layer number is found in 'layers.0.q_proj'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_alpha_of_zero_is_told() =>
        Assert.Contains("Alpha is 0: the adapter changes nothing, whatever it learns.", Notes(new() { TargetModule = ["q_proj"], Alpha = 0 }));

    private static IReadOnlyList<string> Notes(LoraConfig config) => TargetResolver.Resolve(config, Tree.Modules, Tree.Containers, Tree.ModelType).Notes;
}
