namespace Lora;

/// <summary>What LoRA can do with modules of a kind.</summary>
public static class LoraModuleKinds
{
    /// <summary>The kinds that LoRA adapts, as they are named to users.</summary>
    public const string Adaptable = "Linear, Embedding, Conv1D, Conv2d";

    /// <summary>True when LoRA can adapt a module of this kind.</summary>
    public static bool IsAdaptable(this LoraModuleKind kind) =>
        kind is LoraModuleKind.Linear or LoraModuleKind.Embedding or LoraModuleKind.Conv1D or LoraModuleKind.Conv2d;

    /// <summary>True when LoRA can adapt the module.</summary>
    public static bool IsAdaptable(this LoraModuleInfo module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return module.Kind.IsAdaptable();
    }
}
