using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>OPT (arXiv 2205.01068) and Galactica.</summary>
/// <remarks>
/// Learned positions, whose table has two rows before the first.
/// LayerNorm before attention and MLP, and at the end; the model of 350 million normalises after each sum instead (do_layer_norm_before false)
/// and not at the end. The epsilon is 1e-5 and no key of the file.
/// word_embed_proj_dim, where it is not the hidden size, is the width of the embeddings: project_in and project_out lead in and out.
/// A plain MLP with ReLU, whose layers stand in the block itself. Biases everywhere, unless enable_bias is false (Galactica).
/// layer_norm_elementwise_affine false leaves norms without weights.
/// Tied by default.
/// </remarks>
internal sealed class Opt : ModelFamily
{
    private const int RowsBeforePositions = 2;

    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal) { ["intermediate_size"] = "ffn_dim" };

    /// <inheritdoc/>
    public override string ModelType => "opt";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: true) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, rotatedPart: 0, hasHeadKeys: false) with
        {
            NormEpsilon = 1e-5,
            NormKind = values.Flag("layer_norm_elementwise_affine", otherwise: true) ? NormKind.Layer : NormKind.LayerWithoutWeight,
        };
        bool bias = values.Flag("enable_bias", otherwise: true);
        bool isBefore = values.Flag("do_layer_norm_before", otherwise: true);
        int width = values.Count("word_embed_proj_dim", sizes.HiddenSize);
        bool isProjected = width != sizes.HiddenSize;
        AttentionShape attention = sizes.Attention() with { Output = "out_proj", Bias = bias, OutputBias = bias };
        PlainMlpShape mlp = sizes.PlainMlp("fc1", "fc2", Activations.Read(values, "activation_function", "relu")) with { Name = "", Bias = bias };
        (NormShape first, NormShape second) = (sizes.Norm("self_attn_layer_norm"), sizes.Norm("final_layer_norm"));
        BlockShape block = isBefore ? new PreNormShape(first, attention, second, mlp) : new PostNormShape(attention, first, mlp, second);
        return sizes.Model(this, _ => block) with
        {
            Body = "model.decoder",
            Embedding = new()
            {
                Width = isProjected ? width : null,
                Projection = isProjected ? "project_in" : null,
                Positions = new("embed_positions", values.Count("max_position_embeddings"), RowsBeforePositions),
            },
            FinalNorm = isBefore && !values.Flag("_remove_final_layer_norm") ? sizes.Norm("final_layer_norm") : null,
            OutputProjection = isProjected ? "project_out" : null,
        };
    }
}
