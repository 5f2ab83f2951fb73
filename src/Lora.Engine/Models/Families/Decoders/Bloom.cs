using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>BLOOM and BLOOMZ (arXiv 2211.05100).</summary>
/// <remarks>
/// Embeddings go through a LayerNorm before the first block.
/// No positions but ALiBi: the scores of a head get its slope times the key's position.
/// LayerNorm with bias before attention, before the MLP and at the end.
/// query_key_value has for each head its q, its k and its v. Biases everywhere.
/// A plain MLP, four times as wide, with GELU's tanh form; no key says otherwise.
/// Keys of config.json are GPT-2's or the usual ones, by the file's age. Tied by default.
/// </remarks>
internal sealed class Bloom : ModelFamily
{
    private static readonly IReadOnlyList<string> QueryKeyValue = ["query_key_value"];

    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["hidden_size"] = "n_embed",
        ["num_hidden_layers"] = "n_layer",
        ["num_attention_heads"] = "n_head",
        ["rms_norm_eps"] = "layer_norm_epsilon",
    };

    /// <inheritdoc/>
    public override string ModelType => "bloom";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("transformer", "lm_head", TiedByDefault: true) { TokenClassifier = "classifier", DefaultTargets = QueryKeyValue };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        if (values.Flag("apply_residual_connection_post_layernorm"))
        {
            values.ReportUnsupported("apply_residual_connection_post_layernorm is true; sums take what is before the norm");
        }

        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, rotatedPart: 0, widening: 4, hasHeadKeys: false) with { NormKind = NormKind.Layer };
        AttentionShape attention = sizes.Attention() with
        {
            Name = "self_attention",
            Projections = QueryKeyValue,
            Order = PackedOrder.Heads,
            Output = "dense",
            Bias = true,
            OutputBias = true,
            Alibi = new(Factor: 1, IsRounded: false),
        };
        PreNormShape block = sizes.PreNorm(attention, sizes.PlainMlp("dense_h_to_4h", "dense_4h_to_h", "gelu_new") with { IntermediateSize = 4 * sizes.HiddenSize });
        return sizes.Model(this, _ => block) with
        {
            Body = "transformer",
            BlockList = "h",
            Embedding = new() { Name = "word_embeddings", Norm = sizes.Norm("word_embeddings_layernorm") },
            FinalNorm = sizes.Norm("ln_f"),
        };
    }
}
