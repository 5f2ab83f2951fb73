using System.Text.Json;
using Lora.Adapters;
using Lora.Models;
using Lora.Selection;
using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>Puts the adapter of a reference run on a model.</summary>
internal static class GoldenAdapter
{
    /// <param name="model">The base model.</param>
    /// <param name="lora">The run's lora_config, as PEFT's constructor was given it.</param>
    /// <param name="tensors">The adapter's tensors under PEFT's keys, among others perhaps.</param>
    public static AttachedAdapter Attach(TaskModel model, JsonElement lora, GoldenTensors tensors)
    {
        LoraConfig config = ConfigOf(lora, tensors);
        AttachedAdapter adapter = new(model, config with { Initialization = "true" }, [.. Targets(config, tensors)], CPU, seed: 1);
        using IDisposable noGradient = no_grad();
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            parameter.Value.copy_(tensors[parameter.Key]);
        }

        if (LoraInitialization.Of(config.Initialization).ChangesBase)
        {
            // PEFT changed the base by these values when it made them.
            adapter.Products.ToList().ForEach(product => product.SubtractPresent());
        }

        return adapter;
    }

    /// <summary>The configuration of a run; what it trains whole is named from the tensors, since PEFT takes endings without a dot.</summary>
    public static LoraConfig ConfigOf(JsonElement lora, GoldenTensors tensors) => new()
    {
        Rank = lora.GetProperty("r").GetInt32(),
        Alpha = lora.GetProperty("lora_alpha").GetDouble(),
        UseRsLora = IsOn(lora, "use_rslora"),
        UseLoraBias = IsOn(lora, "lora_bias"),
        UseDora = IsOn(lora, "use_dora"),
        Initialization = lora.TryGetProperty("init_lora_weights", out JsonElement name) ? name.ToString().ToLowerInvariant() : "true",
        AlphaPattern = lora.TryGetProperty("alpha_pattern", out JsonElement alphas)
            ? [.. alphas.EnumerateObject().Select(entry => new LoraPatternValue { Pattern = entry.Name, Value = entry.Value.GetDouble() })]
            : null,
        ModulesToSave = [.. tensors.Names
            .Where(key => key.StartsWith(PeftKey.Prefix, StringComparison.Ordinal) && !key.Contains(".lora_", StringComparison.Ordinal))
            .Where(key => key.EndsWith(".weight", StringComparison.Ordinal))
            .Select(key => key[PeftKey.Prefix.Length..^".weight".Length])],
    };

    /// <summary>The modules that the tensors belong to, with the ranks that they have.</summary>
    public static IEnumerable<AdapterTarget> Targets(LoraConfig config, GoldenTensors tensors)
    {
        PatternTable alphas = new(config.AlphaPattern);
        foreach (string key in tensors.Names.Where(name => name.StartsWith(PeftKey.Prefix, StringComparison.Ordinal)))
        {
            string? ending = new[] { ".lora_A.weight", ".lora_embedding_A" }.FirstOrDefault(end => key.EndsWith(end, StringComparison.Ordinal));
            if (ending is not null)
            {
                string module = key[PeftKey.Prefix.Length..^ending.Length];
                int rank = (int)tensors[key].shape[0];
                yield return new(module, rank, config.ScalingOf(rank, alphas.ValueOf(module, config.Alpha)));
            }
        }
    }

    private static bool IsOn(JsonElement lora, string key) => lora.TryGetProperty(key, out JsonElement value) && value.GetBoolean();
}
