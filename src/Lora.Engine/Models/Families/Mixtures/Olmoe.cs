using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>OLMoE (Ai2, arXiv 2409.02060).</summary>
/// <remarks>
/// Llama's block with experts in place of the MLP; q and k go through an RMSNorm over the whole width, all heads at once, before the rotation.
/// 64 experts of intermediate_size under mlp.experts.N, of which a token goes through 8; parts of the softmax over all, divided by their sum only with norm_topk_prob.
/// The router mlp.gate has no bias. Its loss has a coefficient of 0.01 where the key is missing, ten times that of other families.
/// Norms have an epsilon of 1e-5 where the key is missing. Biases on q, k, v and o only with attention_bias.
/// clip_qkv, which cuts q, k and v off at a number, is not computed; released models have it null.
/// Untied. PEFT has no default targets.
/// </remarks>
internal sealed class Olmoe : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "olmoe";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5);
        if (values.NumberOrNull("clip_qkv") is not null)
        {
            values.ReportUnsupported("clip_qkv is not null; q, k and v are not cut off");
        }

        bool bias = values.Flag("attention_bias");
        AttentionShape usual = sizes.Attention() with { Bias = bias, OutputBias = bias };
        AttentionShape attention = usual with
        {
            QueryNorm = new("q_norm", usual.QueryWidth, sizes.NormEpsilon),
            KeyNorm = new("k_norm", usual.KeyWidth, sizes.NormEpsilon),
        };
        RouterShape router = RouterReader.Read(values, sizes.HiddenSize, experts: 64, chosen: 8) with { Normalizes = values.Flag("norm_topk_prob") };
        MixtureShape mixture = new(router, new SeparateExpertsShape(router.Experts, sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) }));
        ModelShape model = sizes.Model(this, _ => sizes.PreNorm(attention, mixture));
        return model with { RouterLoss = RouterReader.ReadLoss(values, coefficient: 0.01) };
    }
}
