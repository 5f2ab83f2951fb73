using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What embeddings are multiplied by before the first block.</summary>
internal static class EmbeddingScale
{
    /// <summary>The factor, where the family asks for it as the activations' dtype has it, since that is what the models were trained with; null for none.</summary>
    public static double? Of(EmbeddingShape shape, ScalarType dataType)
    {
        if (shape.Scale is null || !shape.RoundsScale)
        {
            return shape.Scale;
        }

        // In bfloat16 the root of 3072 is 55.5, and not 55.43: Gemma has learned with the rounded one.
        using Tensor exact = tensor(shape.Scale.Value, dtype: ScalarType.Float64, device: CPU);
        using Tensor rounded = exact.to(dataType);
        using Tensor wide = rounded.to(ScalarType.Float64);
        return wide.item<double>();
    }
}
