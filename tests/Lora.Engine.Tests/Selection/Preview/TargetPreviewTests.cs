using Lora.Adapters;
using Lora.Models;
using Lora.Selection;
using static TorchSharp.torch;

namespace Lora.Tests.Selection;

public class TargetPreviewTests
{
    private static readonly string Model = Path.Combine(Repository.Root, "examples", "model");

    [Fact]
    public void Every_module_has_its_decision_and_what_it_would_get()
    {
        LoraConfig config = new() { TargetModule = ["q_proj"], ExcludeModule = ["layers.0.self_attn.q_proj"], Rank = 4, Alpha = 8, RankPattern = [new() { Pattern = "2.self_attn.q_proj", Value = 2 }] };
        TargetPreview preview = TargetPreview.Of(config, Model);

        LoraTargetInfo plain = preview.Targets.Single(target => target.Name == "model.layers.1.self_attn.q_proj");
        LoraTargetInfo narrow = preview.Targets.Single(target => target.Name == "model.layers.2.self_attn.q_proj");
        LoraTargetInfo excluded = preview.Targets.Single(target => target.Name == "model.layers.0.self_attn.q_proj");
        Assert.Equal((true, 4, 2.0, 4 * (128 + 128)), (plain.Targeted, plain.Rank, plain.Scaling, plain.ParameterCount));
        Assert.Equal((2, 4.0), (narrow.Rank, narrow.Scaling));
        Assert.False(excluded.Targeted);
        Assert.Null(excluded.Rank);
        Assert.Contains("'layers.0.self_attn.q_proj'", excluded.Reason, StringComparison.Ordinal);
        Assert.Equal([4, 1], preview.Entries.Where(entry => entry.List is "TargetModule" or "ExcludeModule").Select(entry => entry.Hits));
    }

    [Fact]
    public void An_entry_that_hits_nothing_is_a_warning_with_the_nearest_names()
    {
        LoraProblem warning = Assert.Single(TargetPreview.Of(new() { TargetModule = ["q_proj", "down_porj"] }, Model).Warnings);
        Assert.Contains("down_proj", warning.Message, StringComparison.Ordinal);
    }

    public static TheoryData<LoraConfig> CountedConfigs() =>
    [
        new LoraConfig { TargetModule = ["q_proj", "down_proj", "embed_tokens"], Rank = 3 },
        new LoraConfig { TargetModule = ["q_proj", "down_proj"], Rank = 3, Bias = LoraBias.All, UseLoraBias = true },
        new LoraConfig { TargetModule = ["q_proj", "down_proj", "embed_tokens"], Rank = 3, Bias = LoraBias.LoraOnly, UseDora = true },
        new LoraConfig { TargetModule = ["q_proj"], Rank = 3, Bias = LoraBias.All, ModulesToSave = ["lm_head", "norm", "layers.1.self_attn"] },
    ];

    [Theory(DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(CountedConfigs))]
    public void The_predicted_count_is_what_an_attached_adapter_trains(LoraConfig config)
    {
        string folder = Repository.Fixture("families", "qwen2");
        TargetPreview preview = TargetPreview.Of(config, folder);
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        AdapterTarget[] targets = [.. preview.Targets.Where(target => target.Targeted).Select(target => new AdapterTarget(target.Name, target.Rank!.Value, target.Scaling!.Value))];
        using AttachedAdapter adapter = new(model, config, targets, CPU, seed: 1);

        Assert.Equal(adapter.Arena.Count, preview.ParameterCount);
    }
}
