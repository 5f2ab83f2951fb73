using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Falcon (arXiv 2311.16867): 7B, 40B, 180B, the later 11B, and the models on RefinedWeb alone.</summary>
/// <remarks>
/// Attention and MLP see a LayerNorm of the block's input and are added together (parallel_attn): the same one, or with new_decoder_architecture
/// (40B, 180B) ln_attn and ln_mlp unless num_ln_in_parallel_attn is 1.
/// query_key_value has all of q, then the one k and v that its heads share (multi_query); with new_decoder_architecture for each of num_kv_heads its
/// query heads, its k and its v; without either each head's q, k and v.
/// Rotation over the whole head, half-split; with alibi instead a bias that grows with the key's position, rounded to bfloat16 and scaled as scores are.
/// A plain MLP, four times as wide unless ffn_hidden_size says otherwise, with exact GELU.
/// Linear layers have biases only with bias; norms always have them. Tied by default.
/// </remarks>
internal sealed class Falcon : ModelFamily
{
    private static readonly IReadOnlyList<string> QueryKeyValue = ["query_key_value"];

    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["intermediate_size"] = "ffn_hidden_size",
        ["num_key_value_heads"] = "num_kv_heads",
        ["rms_norm_eps"] = "layer_norm_epsilon",
    };

    /// <inheritdoc/>
    public override string ModelType => "falcon";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("transformer", "lm_head", TiedByDefault: true) { TokenClassifier = "classifier", DefaultTargets = QueryKeyValue };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        bool isNew = values.Flag("new_decoder_architecture");
        bool isParallel = values.Flag("parallel_attn", otherwise: true);
        bool sharesKeys = !isNew && values.Flag("multi_query", otherwise: true);
        if (isNew && !isParallel)
        {
            values.ReportUnsupported("new_decoder_architecture is true and parallel_attn is false, which transformers does not compute either");
        }

        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, widening: 4, hasHeadKeys: isNew) with { NormKind = NormKind.Layer };
        bool bias = values.Flag("bias");
        bool isAlibi = values.Flag("alibi");
        AttentionShape attention = sizes.Attention() with
        {
            Name = "self_attention",
            Projections = QueryKeyValue,
            Order = sharesKeys ? PackedOrder.Parts : PackedOrder.Heads,
            KeyValueHeads = sharesKeys ? 1 : sizes.KeyValueHeads,
            Output = "dense",
            Bias = bias,
            OutputBias = bias,
            Rope = isAlibi ? null : sizes.Rope,
            Alibi = isAlibi ? new(1 / Math.Sqrt(sizes.HeadDimension), IsRounded: true) : null,
        };
        PlainMlpShape mlp = sizes.PlainMlp("dense_h_to_4h", "dense_4h_to_h", Activations.Read(values, "activation", "gelu")) with { Bias = bias };
        BlockShape block = !isParallel ? sizes.PreNorm(attention, mlp)
            : isNew && values.Count("num_ln_in_parallel_attn", 2) == 2 ? new ParallelShape(sizes.Norm("ln_attn"), attention, sizes.Norm("ln_mlp"), mlp)
            : new ParallelShape(sizes.Norm("input_layernorm"), attention, MlpNorm: null, mlp);
        return sizes.Model(this, _ => block) with { Body = "transformer", BlockList = "h", Embedding = new() { Name = "word_embeddings" }, FinalNorm = sizes.Norm("ln_f") };
    }
}
