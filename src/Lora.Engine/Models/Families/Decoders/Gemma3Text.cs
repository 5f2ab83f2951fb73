using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Gemma 3, the text models and the decoder inside the others (arXiv 2503.19786).</summary>
/// <remarks>
/// The block of <see cref="Gemma2"/>, four norms, without caps unless the keys say so; q and k go through a norm over each head, by 1 + weight.
/// Every sixth block (sliding_window_pattern) sees all tokens, the others sliding_window (4096); layer_types wins.
/// Two rotations: blocks with a window have rope_local_base_freq (10,000), never scaled; the others rope_theta (1,000,000) with rope_scaling.
/// In files of transformers 5 rope_parameters has one object for each of the two.
/// Scores are divided by the root of query_pre_attn_scalar (256).
/// head_dim is 256 and there are 4 key/value heads where the keys are missing. Tied by default.
/// </remarks>
internal sealed class Gemma3Text : ModelFamily
{
    private const double LocalTheta = 10_000;

    /// <inheritdoc/>
    public override string ModelType => "gemma3_text";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: true) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8, "max_position_embeddings": 131072}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 4, headDimension: 256, theta: 1e6) with { NormKind = NormKind.RootMeanSquareAddOne };
        SlidingWindows windows = new(values, size: 4096);
        RopeReader rotations = new(values, sizes.HeadDimension, theta: 1e6);
        ConfigValues? both = values.Object("rope_parameters");
        RopeParameters whole = both?.Object("full_attention") is ConfigValues full ? rotations.Read(full) : sizes.Rope!;
        RopeParameters local = both?.Object("sliding_attention") is ConfigValues sliding
            ? new RopeReader(values, sizes.HeadDimension, theta: LocalTheta).Read(sliding)
            : new(values.Number("rope_local_base_freq", LocalTheta));
        bool bias = values.Flag("attention_bias");
        AttentionShape attention = sizes.Attention() with
        {
            Bias = bias,
            OutputBias = bias,
            QueryNorm = sizes.HeadNorm("q_norm"),
            KeyNorm = sizes.HeadNorm("k_norm"),
            Scale = 1 / Math.Sqrt(values.PositiveUnlessNull("query_pre_attn_scalar", 256) ?? sizes.HeadDimension),
            ScoreCap = values.PositiveUnlessNull("attn_logit_softcapping", null),
        };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadTanhGelu(values) };
        int pattern = values.Count("sliding_window_pattern", values.Count("_sliding_window_pattern", 6));
        ModelShape model = sizes.Model(this, layer =>
        {
            bool slides = windows.Slides(layer, otherwise: (layer + 1) % pattern != 0);
            return Gemma2.Block(sizes, attention with { Window = windows.Of(layer, slides), Rope = slides ? local : whole }, mlp);
        });
        return model with
        {
            Embedding = new() { Scale = Math.Sqrt(sizes.HiddenSize), RoundsScale = true },
            Head = model.Head with { Cap = values.PositiveUnlessNull("final_logit_softcapping", null) },
        };
    }
}
