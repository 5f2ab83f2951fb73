using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>StableLM 3B, StableLM 2 and Stable Code (Stability AI).</summary>
/// <remarks>
/// Llama's block with LayerNorm with bias (epsilon layer_norm_eps).
/// The first quarter of each head is rotated, half-split (partial_rotary_factor).
/// Gated MLP with SiLU, without biases; q, k and v have them with use_qkv_bias.
/// use_parallel_residual adds attention and MLP together, which then see the same norm.
/// qk_layernorm (StableLM 2 12B) gives each head of q and k a LayerNorm of its own, without bias, before the rotation.
/// Untied by default.
/// </remarks>
internal sealed class StableLm : ModelFamily
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal) { ["rms_norm_eps"] = "layer_norm_eps" };

    /// <inheritdoc/>
    public override string ModelType => "stablelm";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, rotatedPart: 0.25) with { NormKind = NormKind.Layer };
        bool normalizes = values.Flag("qk_layernorm");
        AttentionShape attention = sizes.Attention() with
        {
            Bias = values.Flag("use_qkv_bias"),
            QueryNorm = normalizes ? HeadNorms(sizes, "q_layernorm", sizes.Heads) : null,
            KeyNorm = normalizes ? HeadNorms(sizes, "k_layernorm", sizes.KeyValueHeads) : null,
        };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) };
        BlockShape block = values.Flag("use_parallel_residual")
            ? new ParallelShape(sizes.Norm("input_layernorm"), attention, MlpNorm: null, mlp)
            : sizes.PreNorm(attention, mlp);
        return sizes.Model(this, _ => block);
    }

    private static NormShape HeadNorms(DecoderSizes sizes, string name, int heads) =>
        sizes.HeadNorm(name) with { Kind = NormKind.LayerWithoutBias, Heads = heads, IsApart = true };
}
