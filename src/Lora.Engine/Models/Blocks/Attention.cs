using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Causal self-attention with grouped key/value heads: softmax(q kᵀ · scale) v, heads joined by a last layer. Each key/value head serves a
/// contiguous block of query heads (arXiv 2305.13245).
/// </summary>
internal sealed class Attention : BlockModule
{
    private readonly AttentionShape shape;
    private readonly Projections projections;
    private readonly nn.Module<Tensor, Tensor> output;
    private readonly nn.Module<Tensor, Tensor>? queryNorm;
    private readonly nn.Module<Tensor, Tensor>? keyNorm;
    private readonly Parameter? sinks;

    public Attention(AttentionShape shape, Weights weights)
        : base(nameof(Attention))
    {
        this.shape = shape;
        int[] widths = shape.Order == PackedOrder.Heads ? [shape.QueryWidth + (2 * shape.KeyWidth)] : [shape.QueryWidth, shape.KeyWidth, shape.KeyWidth];
        projections = new(weights, shape.HiddenSize, shape.Bias, shape.IsConv1D, shape.Projections, widths);
        projections.Register(this);
        output = Child(shape.Output, weights.Linear(shape.Output, shape.QueryWidth, shape.HiddenSize, shape.OutputBias, shape.IsConv1D));
        queryNorm = Norm(shape.QueryNorm);
        keyNorm = Norm(shape.KeyNorm);
        if (shape.HasSinks)
        {
            sinks = weights.Frozen(nameof(sinks), shape.Heads);
            register_parameter(nameof(sinks), sinks);
        }

        nn.Module<Tensor, Tensor>? Norm(NormShape? norm) => norm is null ? null : Child(norm.Name, norm.Build(weights));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        Tensor[] outputs = Parts(projections.Of(hidden)); // each [batch, tokens, heads headSize]
        Tensor query = Rotate(Heads(outputs[0], queryNorm, shape.Heads), context); // [batch, heads, tokens, headSize]
        Tensor key = Rotate(Heads(outputs[1], keyNorm, shape.KeyValueHeads), context); // [batch, kvHeads, tokens, headSize]

        // Values have no positions: neither a norm nor the rotation touches them.
        Tensor value = Heads(outputs[2], null, shape.KeyValueHeads); // [batch, kvHeads, tokens, headSize]

        (key, value) = context.Join(this, key, value);
        int group = shape.Heads / shape.KeyValueHeads;
        if (group > 1)
        {
            // The kernels take equal head counts only.
            key = key.repeat_interleave(group, dim: 1); // [batch, heads, tokens, headSize]
            value = value.repeat_interleave(group, dim: 1);
        }

        return output.call(Mix(query, key, value, context).transpose(1, 2).flatten(2)); // [batch, tokens, hidden]
    }

    /// <summary>q, k and v, which each key/value head may have beside each other.</summary>
    private Tensor[] Parts(Tensor[] outputs)
    {
        if (shape.Order == PackedOrder.Parts)
        {
            return outputs;
        }

        int group = shape.Heads / shape.KeyValueHeads;
        Tensor heads = outputs[0].unflatten(2, shape.KeyValueHeads, group + 2, shape.HeadDimension); // [batch, tokens, kvHeads, group + 2, headSize]
        return [.. heads.split([group, 1, 1], 3).Select(part => part.flatten(2))]; // each [batch, tokens, heads headSize]
    }

    /// <summary>All are [batch, heads, tokens, headSize]; keys and values may be of more tokens than the query.</summary>
    private Tensor Mix(Tensor query, Tensor key, Tensor value, BlockContext context)
    {
        if (shape.Scale is double scale)
        {
            // The kernels divide by sqrt(headSize).
            query = query.Times(Math.Sqrt(shape.HeadDimension) * scale);
        }

        if (sinks is not null)
        {
            return SinkAttention.Mix(query, key, value, context.Mask(shape.Window), sinks);
        }

        if (shape.ScoreCap is double cap)
        {
            return CappedAttention.Mix(query, key, value, shape.Alibi is null ? context.Mask(shape.Window) : context.Mask(shape.Window, shape.Alibi, shape.Heads), cap);
        }

        // Without a mask libtorch takes its causal kernel, which never makes the [tokens, tokens] of scores.
        Tensor? mask = shape.Alibi is null ? context.MaskUnlessCausal(shape.Window) : context.Mask(shape.Window, shape.Alibi, shape.Heads);
        return nn.functional.scaled_dot_product_attention(query, key, value, mask, is_casual: mask is null && context.IsCausal);
    }

    private Tensor Rotate(Tensor heads, BlockContext context) =>
        shape.Rope is null ? heads : RotaryEmbedding.Rotate(heads, context.Rotation(shape.Rope, shape.HeadDimension), shape.Rope.IsInterleaved);

    private Tensor Heads(Tensor values, nn.Module<Tensor, Tensor>? norm, int heads)
    {
        // OLMo 2 has one norm over all heads, others one over each.
        bool isWhole = norm is not null && shape.QueryNorm!.Width != shape.HeadDimension;
        Tensor split = (isWhole ? norm!.call(values) : values).unflatten(2, heads, shape.HeadDimension); // [batch, tokens, heads, headSize]
        return (norm is null || isWhole ? split : norm.call(split)).transpose(1, 2); // [batch, heads, tokens, headSize]
    }
}
