using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>GPT-NeoX and Pythia (arXiv 2204.06745, 2304.01373).</summary>
/// <remarks>
/// Attention and MLP see the block's input, each through a LayerNorm of its own, and are added together; one after the other where
/// use_parallel_residual is false.
/// query_key_value has for each head its q, its k and its v.
/// The first quarter of each head is rotated (rotary_pct), half-split; the base is rotary_emb_base.
/// A plain MLP with exact GELU. Biases everywhere; those of attention go with attention_bias.
/// The head is called embed_out, and is untied by default.
/// </remarks>
internal sealed class GptNeox : ModelFamily
{
    private static readonly IReadOnlyList<string> QueryKeyValue = ["query_key_value"];

    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["rms_norm_eps"] = "layer_norm_eps",
        ["rope_theta"] = "rotary_emb_base",
        ["partial_rotary_factor"] = "rotary_pct",
    };

    /// <inheritdoc/>
    public override string ModelType => "gpt_neox";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("gpt_neox", "embed_out", TiedByDefault: false) { TokenClassifier = "classifier", DefaultTargets = QueryKeyValue };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, rotatedPart: 0.25, hasHeadKeys: false) with { NormKind = NormKind.Layer };
        bool bias = values.Flag("attention_bias", otherwise: true);
        AttentionShape attention = sizes.Attention() with { Name = "attention", Projections = QueryKeyValue, Order = PackedOrder.Heads, Output = "dense", Bias = bias, OutputBias = bias };
        PlainMlpShape mlp = sizes.PlainMlp("dense_h_to_4h", "dense_4h_to_h", Activations.Read(values, "hidden_act", "gelu"));
        BlockShape block = values.Flag("use_parallel_residual", otherwise: true)
            ? new ParallelShape(sizes.Norm("input_layernorm"), attention, sizes.Norm("post_attention_layernorm"), mlp)
            : sizes.PreNorm(attention, mlp);
        return sizes.Model(this, _ => block) with
        {
            Body = "gpt_neox",
            Embedding = new() { Name = "embed_in" },
            FinalNorm = sizes.Norm("final_layer_norm"),
            Head = new() { Name = "embed_out", IsTied = sizes.IsTied },
        };
    }
}
