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
}
