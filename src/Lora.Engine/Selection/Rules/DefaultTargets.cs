using Lora.Checkpoints;

namespace Lora.Selection;

/// <summary>The targets that PEFT takes for a model type when a configuration names none.</summary>
internal static class DefaultTargets
{
    // TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING of PEFT's utils/constants.py, without the families that the engine computes.
    private static readonly Dictionary<string, string[]> Lists = new(StringComparer.Ordinal);

    static DefaultTargets()
    {
        Add("mt5", "q", "v");
        Add("bart llama4", "q_proj", "v_proj");
        Add("gpt_bigcode", "c_attn");
        Add("chatglm RefinedWebModel RefinedWeb", "query_key_value");
        Add("blip-2", "q", "v", "q_proj", "v_proj");
        Add("electra layoutlm", "query", "value");
        Add("deberta-v2", "query_proj", "value_proj");
        Add("deberta", "in_proj");
        Add("mpt", "Wqkv");
        Add("btlm", "c_proj", "c_attn");
        Add("codegen", "qkv_proj");
        Add("nemotron_h", "q_proj", "k_proj", "v_proj", "o_proj");
        Add("rwkv", "key", "value", "receptance", "output");
        Add("rwkv7", "r_proj", "k_proj", "v_proj", "o_proj", "key", "value");
    }

    /// <summary>Returns the configuration with the model type's targets, or null when there are none for it.</summary>
    public static LoraConfig? Apply(LoraConfig config, string? modelType)
    {
        // In PEFT's table a pattern for this one: the towers for images and sounds, which have a q_proj too, are left alone.
        if (modelType == "gemma4")
        {
            return config with { TargetPattern = @".*language_model\..*\.(q_proj|v_proj)" };
        }

        // Families that the engine computes say it themselves.
        string[] targets = modelType is null ? [] : Lists.GetValueOrDefault(modelType) ?? [.. ModelNames.Find(modelType)?.DefaultTargets ?? []];
        return targets.Length > 0 ? config with { TargetModule = targets } : null;
    }

    private static void Add(string modelTypes, params string[] targets)
    {
        foreach (string modelType in modelTypes.Split(' '))
        {
            Lists.Add(modelType, targets);
        }
    }
}
