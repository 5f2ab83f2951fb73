using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Causal self-attention with grouped key/value heads: softmax(q kᵀ / sqrt(d)) v, heads joined by o_proj. Each key/value head serves a
/// contiguous block of query heads (arXiv 2305.13245).
/// </summary>
internal sealed class Attention : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly DecoderConfig config;
    private readonly int layer;
    private readonly nn.Module<Tensor, Tensor> q_proj;
    private readonly nn.Module<Tensor, Tensor> k_proj;
    private readonly nn.Module<Tensor, Tensor> v_proj;
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
        q_proj = weights.Linear(nameof(q_proj), config.HiddenSize, queryWidth, config.QueryKeyValueBias);
        k_proj = weights.Linear(nameof(k_proj), config.HiddenSize, keyWidth, config.QueryKeyValueBias);
        v_proj = weights.Linear(nameof(v_proj), config.HiddenSize, keyWidth, config.QueryKeyValueBias);
        o_proj = weights.Linear(nameof(o_proj), queryWidth, config.HiddenSize, config.OutputBias);
        if (config.QueryKeyNorm)
        {
            q_norm = weights.Norm(nameof(q_norm), config.HeadDimension, config.NormEpsilon);
            k_norm = weights.Norm(nameof(k_norm), config.HeadDimension, config.NormEpsilon);
        }

        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        Tensor query = RotaryEmbedding.Rotate(Heads(q_proj, q_norm, hidden, config.Heads), context.Rotation);
        Tensor key = RotaryEmbedding.Rotate(Heads(k_proj, k_norm, hidden, config.KeyValueHeads), context.Rotation);
        Tensor value = Heads(v_proj, null, hidden, config.KeyValueHeads);

        int group = config.Heads / config.KeyValueHeads;
        if (group > 1)
        {
            // The kernels take equal head counts only.
            key = key.repeat_interleave(group, dim: 1);
            value = value.repeat_interleave(group, dim: 1);
        }

        Tensor? mask = context.Mask(config.SlidingWindows[layer]);
        Tensor mixed = nn.functional.scaled_dot_product_attention(query, key, value, mask, is_casual: mask is null); // [batch, heads, tokens, d]
        return o_proj.call(mixed.transpose(1, 2).flatten(2)); // [batch, tokens, hidden]
    }

    private Tensor Heads(nn.Module<Tensor, Tensor> projection, RmsNorm? norm, Tensor hidden, int heads)
    {
        Tensor split = projection.call(hidden).unflatten(2, heads, config.HeadDimension); // [batch, tokens, heads, d]
        return (norm is null ? split : norm.call(split)).transpose(1, 2); // [batch, heads, tokens, d]
    }
}
