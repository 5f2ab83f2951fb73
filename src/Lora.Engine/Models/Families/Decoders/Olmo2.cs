using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>OLMo 2 (Ai2, arXiv 2501.00656).</summary>
/// <remarks>
/// No norm before attention and MLP; what they give is normalised, and then added: two norms a block.
/// q and k go through an RMSNorm over the whole width, all heads at once, before the rotation.
/// Norms have an epsilon of 1e-5 where the key is missing.
/// Biases on q, k, v and o only with attention_bias. Untied.
/// PEFT has no default targets for it.
/// </remarks>
internal sealed class Olmo2 : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "olmo2";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5);
        bool bias = values.Flag("attention_bias");
        AttentionShape usual = sizes.Attention() with { Bias = bias, OutputBias = bias };
        AttentionShape attention = usual with
        {
            QueryNorm = new("q_norm", usual.QueryWidth, sizes.NormEpsilon),
            KeyNorm = new("k_norm", usual.KeyWidth, sizes.NormEpsilon),
        };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) };
        OutputNormShape block = new(attention, sizes.Norm("post_attention_layernorm"), mlp, sizes.Norm("post_feedforward_layernorm"));
        return sizes.Model(this, _ => block);
    }
}
