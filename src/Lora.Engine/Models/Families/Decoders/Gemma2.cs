using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Gemma 2 (arXiv 2408.00118).</summary>
/// <remarks>
/// Gemma's embedding, norms and MLP; what attention and MLP give is normalised too, before it is added: four norms a block.
/// Scores are divided by the root of query_pre_attn_scalar (256), not of the head size.
/// Scores are capped at 50 and logits at 30 by tanh, unless the keys are null.
/// Every second block, from the first on, sees sliding_window (4096) tokens; files of transformers 5 say it by layer_types.
/// head_dim is 256 and there are 4 key/value heads where the keys are missing. Tied by default.
/// </remarks>
internal sealed class Gemma2 : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "gemma2";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: true) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8, "max_position_embeddings": 8192}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 4, headDimension: 256) with { NormKind = NormKind.RootMeanSquareAddOne };
        SlidingWindows windows = new(values, size: 4096);
        bool bias = values.Flag("attention_bias");
        AttentionShape attention = sizes.Attention() with
        {
            Bias = bias,
            OutputBias = bias,
            Scale = 1 / Math.Sqrt(values.PositiveUnlessNull("query_pre_attn_scalar", 256) ?? sizes.HeadDimension),
            ScoreCap = values.PositiveUnlessNull("attn_logit_softcapping", 50),
        };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadTanhGelu(values) };
        ModelShape model = sizes.Model(this, layer => Block(sizes, attention with { Window = windows.Of(layer, slides: layer % 2 == 0) }, mlp));
        return model with
        {
            Embedding = new() { Scale = Math.Sqrt(sizes.HiddenSize), RoundsScale = true },
            Head = model.Head with { Cap = values.PositiveUnlessNull("final_logit_softcapping", 30) },
        };
    }

    /// <summary>A block with four norms. The second has the name of other families' norm before the MLP, but here it normalises what attention gives.</summary>
    public static FourNormShape Block(DecoderSizes sizes, AttentionShape attention, GatedMlpShape mlp) => new(
        sizes.Norm("input_layernorm"), attention, sizes.Norm("post_attention_layernorm"),
        sizes.Norm("pre_feedforward_layernorm"), mlp, sizes.Norm("post_feedforward_layernorm"));
}
