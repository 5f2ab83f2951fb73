using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>GPT-2 (OpenAI), and what shares its code: DistilGPT-2, DialoGPT.</summary>
/// <remarks>
/// Learned positions are added to the embeddings: a sequence has n_positions tokens at the most.
/// LayerNorm with bias before attention, before the MLP and at the end.
/// Weights of linear layers lie [in, out] (Conv1D), and PEFT's adapters say so by fan_in_fan_out; all have biases.
/// c_attn has q, k and v in one, c_proj is the name of both last layers of a block.
/// A plain MLP, four times as wide unless n_inner says otherwise, with GELU's tanh form.
/// Scores are divided by the root of the head size, and with scale_attn_by_inverse_layer_idx by the block's number from one on.
/// Keys of config.json have names of their own. Tied by default.
/// </remarks>
internal sealed class Gpt2 : ModelFamily
{
    private static readonly IReadOnlyList<string> QueryKeyValue = ["c_attn"];

    /// <summary>The usual keys by the names that it has for them.</summary>
    public static IReadOnlyDictionary<string, string> Keys { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["hidden_size"] = "n_embd",
        ["num_hidden_layers"] = "n_layer",
        ["num_attention_heads"] = "n_head",
        ["max_position_embeddings"] = "n_positions",
        ["intermediate_size"] = "n_inner",
        ["rms_norm_eps"] = "layer_norm_epsilon",
    };

    /// <inheritdoc/>
    public override string ModelType => "gpt2";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("transformer", "lm_head", TiedByDefault: true) { TokenClassifier = "classifier", DefaultTargets = ["c_attn"] };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        if (values.Flag("add_cross_attention"))
        {
            values.ReportUnsupported("add_cross_attention is true; blocks look at no second text");
        }

        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, rotatedPart: 0, widening: 4, hasHeadKeys: false) with { NormKind = NormKind.Layer };
        AttentionShape attention = sizes.Attention() with { Name = "attn", Projections = QueryKeyValue, Output = "c_proj", Bias = true, OutputBias = true, IsConv1D = true };
        PlainMlpShape mlp = sizes.PlainMlp("c_fc", "c_proj", Activations.Read(values, "activation_function", "gelu_new")) with { IsConv1D = true };
        ModelShape model = sizes.Model(this, layer => new PreNormShape(sizes.Norm("ln_1"), attention with { Scale = ScaleOf(values, sizes, layer) }, sizes.Norm("ln_2"), mlp));
        return model with
        {
            Body = "transformer",
            BlockList = "h",
            Embedding = new() { Name = "wte", Positions = new("wpe", values.Count("max_position_embeddings")) },
            FinalNorm = sizes.Norm("ln_f"),
        };
    }

    private static double? ScaleOf(ConfigValues values, DecoderSizes sizes, int layer)
    {
        double scale = values.Flag("scale_attn_weights", otherwise: true) ? 1 / Math.Sqrt(sizes.HeadDimension) : 1;
        return values.Flag("scale_attn_by_inverse_layer_idx") ? scale / (layer + 1) : scale;
    }
}
