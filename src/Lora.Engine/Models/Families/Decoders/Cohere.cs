using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Command R and Aya (Cohere).</summary>
/// <remarks>
/// Attention and MLP see the same norm of the block's input and are added together.
/// Norms are LayerNorm without bias.
/// Rotation over the whole head, neighbours in pairs.
/// use_qk_norm (Command R+) normalises q and k over each head, with a weight for each.
/// Gated MLP with SiLU. Biases on q, k, v and o only with attention_bias.
/// Logits are multiplied by logit_scale (1/16). Tied by default.
/// PEFT has no default targets for it.
/// </remarks>
internal sealed class Cohere : ModelFamily
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal) { ["rms_norm_eps"] = "layer_norm_eps" };

    /// <inheritdoc/>
    public override string ModelType => "cohere";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: true);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5) with { NormKind = NormKind.LayerWithoutBias };
        bool bias = values.Flag("attention_bias");
        bool normalizes = values.Flag("use_qk_norm");
        AttentionShape attention = sizes.Attention() with
        {
            Bias = bias,
            OutputBias = bias,
            Rope = sizes.Rope! with { IsInterleaved = true },
            QueryNorm = normalizes ? sizes.HeadNorm("q_norm") with { Heads = sizes.Heads } : null,
            KeyNorm = normalizes ? sizes.HeadNorm("k_norm") with { Heads = sizes.KeyValueHeads } : null,
        };
        ParallelShape block = new(sizes.Norm("input_layernorm"), attention, MlpNorm: null, sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) });
        return sizes.Model(this, _ => block) with { Head = new() { IsTied = sizes.IsTied, Scale = values.Number("logit_scale", 0.0625) } };
    }
}
