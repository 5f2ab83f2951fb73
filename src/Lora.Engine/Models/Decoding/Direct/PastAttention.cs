using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// softmax(cap(factor q kᵀ)) v of tokens that stand behind others whose keys and values are known, with a mask, by libtorch's kernel where no score is capped;
/// one for all blocks of a pass.
/// </summary>
/// <param name="before">Tokens before them.</param>
internal sealed class PastAttention(int before) : IDisposable
{
    private readonly Dictionary<long, Tensor> masks = [];

    /// <summary>The mixed values, [tokens, heads, headSize], the caller's.</summary>
    /// <param name="query">[tokens, heads, headSize], rotated.</param>
    /// <param name="seen">Keys and values of all tokens, [before + tokens, kvHeads, headSize].</param>
    /// <param name="shape">The heads.</param>
    public Tensor Mix(Tensor query, (Tensor Key, Tensor Value) seen, AttentionHeads shape)
    {
        using DisposeScope scope = NewDisposeScope();
        long keys = seen.Key.shape[0], size = Math.Min(shape.Window ?? keys, keys);
        if (!masks.TryGetValue(size, out Tensor? mask))
        {
            mask = FollowingContext.MaskOf(before, keys, size, query.dtype, query.device).DetachFromDisposeScope(); // for the blocks that follow
            masks.Add(size, mask);
        }

        // Both divide by sqrt(headSize), and take equal head counts only.
        Tensor scaled = Heads(query.Times(Math.Sqrt(shape.HeadSize) * shape.Factor), 1);
        (Tensor key, Tensor value) = (Heads(seen.Key, shape.Group), Heads(seen.Value, shape.Group));
        Tensor mixed = shape.Cap is double cap
            ? CappedAttention.Mix(scaled, key, value, mask, cap)
            : nn.functional.scaled_dot_product_attention(scaled, key, value, mask); // [1, heads, tokens, headSize]
        return mixed.squeeze(0).transpose(0, 1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => masks.Values.ToList().ForEach(mask => mask.Dispose());

    /// <summary>[tokens, heads, headSize] -> [1, heads group, tokens, headSize].</summary>
    private static Tensor Heads(Tensor values, int group) => (group == 1 ? values : values.repeat_interleave(group, dim: 1)).transpose(0, 1).unsqueeze(0);
}
