using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Qwen3's mixtures of experts (arXiv 2505.09388).</summary>
/// <remarks>
/// Qwen3's attention with its norms over heads; head_dim is hidden size / heads and there are 4 key/value heads where the keys are missing.
/// A block has experts if its number is not in mlp_only_layers and counts, from 1, a multiple of decoder_sparse_step; else Qwen3's MLP of intermediate_size.
/// 128 experts of moe_intermediate_size (768), of which a token goes through 8; each is a gated MLP under mlp.experts.N. No expert is shared by all.
/// The router mlp.gate has no bias. Its softmax is over all experts; the chosen parts are divided by their sum with norm_topk_prob, which released models have set.
/// Untied. PEFT has no default targets.
/// </remarks>
internal sealed class Qwen3Moe : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "qwen3_moe";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 4);
        SlidingWindows windows = new(values);
        SparseBlocks sparse = new(values);
        bool bias = values.Flag("attention_bias");
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias, QueryNorm = sizes.HeadNorm("q_norm"), KeyNorm = sizes.HeadNorm("k_norm") };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) };
        RouterShape router = RouterReader.Read(values, sizes.HiddenSize, experts: 128, chosen: 8) with { Normalizes = values.Flag("norm_topk_prob") };
        MixtureShape mixture = new(router, new SeparateExpertsShape(router.Experts, mlp with { IntermediateSize = values.Count("moe_intermediate_size", 768) }));
        ModelShape model = sizes.Model(this, layer => sizes.PreNorm(attention with { Window = windows.OfOptIn(layer) }, sparse.Has(layer) ? mixture : mlp));
        return model with { RouterLoss = RouterReader.ReadLoss(values) };
    }
}

/// <summary>Which blocks of Qwen's models have experts.</summary>
internal sealed class SparseBlocks(ConfigValues values)
{
    private readonly int step = values.Count("decoder_sparse_step", 1);
    private readonly IReadOnlyList<int> dense = values.WholeNumbers("mlp_only_layers");

    /// <summary>Whether the block of a number has.</summary>
    public bool Has(int layer) => !dense.Contains(layer) && (layer + 1) % step == 0;
}
