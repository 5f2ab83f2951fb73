using Lora.Checkpoints;

namespace Lora.Selection;

/// <summary>PEFT's <c>all-linear</c>: every linear module but the output layer.</summary>
internal static class AllLinear
{
    /// <summary>The pattern that stands for it, in any case.</summary>
    public const string Keyword = "all-linear";

    public static bool IsMeant(LoraConfig config) => Keyword.Equals(config.TargetPattern, StringComparison.OrdinalIgnoreCase);

    /// <summary>The names that are meant. A model of unknown type keeps its output layer, as PEFT does outside of transformers.</summary>
    public static string[] Names(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, string? modelType)
    {
        // Embeddings and convolutions are never among them, and neither are experts that are parameters.
        string[] linear = [.. modules.Where(module => module.Kind is LoraModuleKind.Linear or LoraModuleKind.Conv1D).Select(module => module.Name)];
        string? output = modelType is null ? null : ModelNames.HeadAmong(modelType, linear) ?? TaskHeads.OutputLayer(config.TaskType, linear);
        return [.. linear.Where(name => name != output)];
    }
}
