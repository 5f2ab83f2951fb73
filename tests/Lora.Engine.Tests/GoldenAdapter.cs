using System.Text.Json;
using Lora.Adapters;
using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>Puts the adapter of a reference run on a model.</summary>
internal static class GoldenAdapter
{
    /// <param name="model">The base model.</param>
    /// <param name="lora">The run's lora_config, as PEFT's constructor was given it.</param>
    /// <param name="tensors">The adapter's tensors under PEFT's keys, among others perhaps.</param>
    public static AttachedAdapter Attach(CausalLanguageModel model, JsonElement lora, GoldenTensors tensors)
    {
        LoraConfig config = new()
        {
            Rank = lora.GetProperty("r").GetInt32(),
            Alpha = lora.GetProperty("lora_alpha").GetDouble(),
            UseRsLora = lora.TryGetProperty("use_rslora", out JsonElement stabilised) && stabilised.GetBoolean(),
            UseLoraBias = lora.TryGetProperty("lora_bias", out JsonElement bias) && bias.GetBoolean(),
        };
        AttachedAdapter adapter = new(model, config, [.. Targets(config, tensors)], CPU, seed: 1);
        using IDisposable noGradient = no_grad();
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            parameter.Value.copy_(tensors[parameter.Key]);
        }

        return adapter;
    }

    private static IEnumerable<AdapterTarget> Targets(LoraConfig config, GoldenTensors tensors)
    {
        const string Down = ".lora_A.weight";
        foreach (string key in tensors.Names.Where(name => name.StartsWith(PeftKey.Prefix, StringComparison.Ordinal) && name.EndsWith(Down, StringComparison.Ordinal)))
        {
            int rank = (int)tensors[key].shape[0];
            yield return new(key[PeftKey.Prefix.Length..^Down.Length], rank, config.ScalingOf(rank, config.Alpha));
        }
    }
}
