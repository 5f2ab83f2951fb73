using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Attention whose scores are capped before the mask: libtorch's kernels have no place for that.</summary>
internal static class CappedAttention
{
    /// <summary>softmax(cap(q kᵀ / sqrt(headSize)) + mask) v, the softmax in float32.</summary>
    /// <param name="query">[batch, heads, tokens, headSize].</param>
    /// <param name="key">Like the query, of more tokens perhaps.</param>
    /// <param name="value">Like the key.</param>
    /// <param name="mask">[batch or none, 1, query tokens, key tokens], additive.</param>
    /// <param name="cap">Of the scores.</param>
    /// <returns>Like the query.</returns>
    public static Tensor Mix(Tensor query, Tensor key, Tensor value, Tensor mask, double cap)
    {
        Tensor scores = query.matmul(key.transpose(-2, -1)).Times(1 / Math.Sqrt(query.shape[^1])); // [batch, heads, tokens, tokens]
        Tensor exact = SoftCap.Of(scores, cap).Plus(mask).to(ScalarType.Float32); // [batch, heads, tokens, tokens]
        return exact.softmax(-1).to(query.dtype).matmul(value); // [batch, heads, tokens, headSize]
    }
}
