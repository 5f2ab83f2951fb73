using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Attention whose heads have one score more, learned and of no key: what goes to it is lost, so that a head may look at nothing (gpt-oss; arXiv
/// 2309.17453). libtorch's kernels have no place for that.
/// </summary>
internal static class SinkAttention
{
    /// <summary>The first columns of softmax([q kᵀ / sqrt(headSize) + mask, sink]) v, the softmax in float32.</summary>
    /// <param name="query">[batch, heads, tokens, headSize].</param>
    /// <param name="key">Like the query, of more tokens perhaps.</param>
    /// <param name="value">Like the key.</param>
    /// <param name="mask">[batch or none, 1, query tokens, key tokens], additive.</param>
    /// <param name="sinks">[heads].</param>
    /// <returns>Like the query.</returns>
    public static Tensor Mix(Tensor query, Tensor key, Tensor value, Tensor mask, Tensor sinks)
    {
        Tensor scores = query.matmul(key.transpose(-2, -1)).Times(1 / Math.Sqrt(query.shape[^1])).Plus(mask).to(ScalarType.Float32); // [batch, heads, tokens, tokens]
        Tensor lost = sinks.to(ScalarType.Float32).view(1, -1, 1, 1).expand(query.shape[0], -1, query.shape[2], -1); // [batch, heads, tokens, 1]
        Tensor kept = cat([scores, lost], -1).softmax(-1).narrow(-1, 0, key.shape[2]); // [batch, heads, tokens, tokens]
        return kept.to(query.dtype).matmul(value); // [batch, heads, tokens, headSize]
    }
}
