using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Qwen1.5's and Qwen2's mixtures of experts (arXiv 2407.10671).</summary>
/// <remarks>
/// Qwen2's attention with biases on q, k and v unless qkv_bias is false; 16 key/value heads where the key is missing.
/// A block has experts by mlp_only_layers and decoder_sparse_step as in Qwen3's mixtures; else Qwen2's MLP of intermediate_size.
/// 60 experts of moe_intermediate_size (1408), of which a token goes through 4; parts of the softmax over all, divided by their sum only with norm_topk_prob.
/// Beside them mlp.shared_expert of shared_expert_intermediate_size (5632) for all tokens, times the sigmoid of mlp.shared_expert_gate.
/// Windows only where layer_types says them: transformers 4 and 5 read use_sliding_window without it differently.
/// Untied. PEFT has no default targets.
/// </remarks>
internal sealed class Qwen2Moe : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "qwen2_moe";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 16);
        SlidingWindows windows = new(values);
        SparseBlocks sparse = new(values);
        if (values.Flag("use_sliding_window") && !values.Has("layer_types"))
        {
            values.ReportUnsupported("use_sliding_window without layer_types, which says the blocks that have it");
        }

        AttentionShape attention = sizes.Attention() with { Bias = values.Flag("qkv_bias", otherwise: true) };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) };
        RouterShape router = RouterReader.Read(values, sizes.HiddenSize, experts: 60, chosen: 4) with { Normalizes = values.Flag("norm_topk_prob") };
        MixtureShape mixture = new(router, new SeparateExpertsShape(router.Experts, mlp with { IntermediateSize = values.Count("moe_intermediate_size", 1408) }))
        {
            Shared = new(mlp with { Name = "shared_expert", IntermediateSize = values.Count("shared_expert_intermediate_size", 5632) }, "shared_expert_gate"),
        };
        ModelShape model = sizes.Model(this, layer => sizes.PreNorm(attention with { Window = windows.Of(layer, slides: false) }, sparse.Has(layer) ? mixture : mlp));
        return model with { RouterLoss = RouterReader.ReadLoss(values) };
    }
}
