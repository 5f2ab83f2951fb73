namespace Lora;

/// <summary>What a module computes, as far as LoRA is concerned.</summary>
public enum LoraModuleKind
{
    /// <summary>Tensors that are none of the other kinds.</summary>
    Other,

    /// <summary>y = W x + b, weight [out, in].</summary>
    Linear,

    /// <summary>A table look-up, weight [rows, width].</summary>
    Embedding,

    /// <summary>GPT-2's transposed linear, weight [in, out].</summary>
    Conv1D,

    /// <summary>A two-dimensional convolution, weight [out, in, height, width].</summary>
    Conv2d,

    /// <summary>A normalisation: LayerNorm or RMSNorm, weight [width].</summary>
    Norm,

    /// <summary>The weights of all experts of a block in one parameter, [experts, out, in] or [experts, in, out].</summary>
    Expert,
}

/// <summary>What LoRA can do with modules of a kind.</summary>
public static class LoraModuleKinds
{
    /// <summary>The kinds that LoRA adapts, as they are named to users.</summary>
    public const string Adaptable = "Linear, Embedding, Conv1D, Conv2d, Expert";

    /// <summary>True when LoRA can adapt a module of this kind.</summary>
    public static bool IsAdaptable(this LoraModuleKind kind) =>
        kind is LoraModuleKind.Linear or LoraModuleKind.Embedding or LoraModuleKind.Conv1D or LoraModuleKind.Conv2d or LoraModuleKind.Expert;

    /// <summary>True when LoRA can adapt the module.</summary>
    public static bool IsAdaptable(this LoraModuleInfo module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return module.Kind.IsAdaptable();
    }
}
