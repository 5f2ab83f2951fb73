using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Causal self-attention with grouped key/value heads: softmax(q kᵀ / sqrt(headSize)) v, heads joined by o_proj. Each key/value head serves a
/// contiguous block of query heads (arXiv 2305.13245).
/// </summary>
internal sealed class Attention : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly DecoderConfig config;
    private readonly int layer;
    private readonly Projections projections;
    private readonly nn.Module<Tensor, Tensor> o_proj;
    private readonly RmsNorm? q_norm;
    private readonly RmsNorm? k_norm;

    public Attention(DecoderConfig config, int layer, Weights weights)
        : base(nameof(Attention))
    {
        this.config = config;
        this.layer = layer;
        int queryWidth = config.Heads * config.HeadDimension;
        int keyWidth = config.KeyValueHeads * config.HeadDimension;
        projections = new(weights, config.HiddenSize, config.QueryKeyValueBias, ProductNames.Of(config).QueryKeyValue, queryWidth, keyWidth, keyWidth);
        o_proj = weights.Linear(nameof(o_proj), queryWidth, config.HiddenSize, config.OutputBias);
        if (config.QueryKeyNorm)
        {
            q_norm = weights.Norm(nameof(q_norm), config.HeadDimension, config);
            k_norm = weights.Norm(nameof(k_norm), config.HeadDimension, config);
        }

        projections.Register(this);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        Tensor[] outputs = projections.Of(hidden); // each [batch, tokens, heads headSize]
        Tensor query = RotaryEmbedding.Rotate(Heads(outputs[0], q_norm, config.Heads), context.Rotation); // [batch, heads, tokens, headSize]
        Tensor key = RotaryEmbedding.Rotate(Heads(outputs[1], k_norm, config.KeyValueHeads), context.Rotation); // [batch, kvHeads, tokens, headSize]

        // Values have no positions: neither a norm nor the rotation touches them.
        Tensor value = Heads(outputs[2], null, config.KeyValueHeads); // [batch, kvHeads, tokens, headSize]

        int group = config.Heads / config.KeyValueHeads;
        if (group > 1)
        {
            // The kernels take equal head counts only.
            key = key.repeat_interleave(group, dim: 1); // [batch, heads, tokens, headSize]
            value = value.repeat_interleave(group, dim: 1);
        }

        return o_proj.call(Mix(query, key, value, context).transpose(1, 2).flatten(2)); // [batch, tokens, hidden]
    }

    /// <summary>All are [batch, heads, tokens, headSize].</summary>
    private Tensor Mix(Tensor query, Tensor key, Tensor value, BlockContext context)
    {
        if (config.QueryScalar is double scalar)
        {
            // The kernels divide by sqrt(headSize).
            query = query.Times(Math.Sqrt(config.HeadDimension / scalar));
        }

        int? window = config.SlidingWindows[layer];
        if (config.ScoreCap is double cap)
        {
            return CappedAttention.Mix(query, key, value, context.Mask(window), cap);
        }

        // Without a mask libtorch takes its causal kernel, which never makes the [tokens, tokens] of scores.
        Tensor? mask = context.MaskUnlessCausal(window);
        return nn.functional.scaled_dot_product_attention(query, key, value, mask, is_casual: mask is null);
    }

    private Tensor Heads(Tensor output, RmsNorm? norm, int heads)
    {
        Tensor split = output.unflatten(2, heads, config.HeadDimension); // [batch, tokens, heads, headSize]
        return (norm is null ? split : norm.call(split)).transpose(1, 2); // [batch, heads, tokens, headSize]
    }
}
