using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Gemma (arXiv 2403.08295).</summary>
/// <remarks>
/// Llama's block; embeddings are multiplied by the root of the hidden size, rounded to the activations' dtype.
/// Norms multiply by 1 + weight, and round after the product.
/// head_dim is 256 where the key is missing, key/value heads are 16.
/// The gate goes through GELU's tanh form, also where hidden_act says "gelu" (see <see cref="GateReader"/>).
/// Biases on q, k, v and o only with attention_bias.
/// Tied by default.
/// </remarks>
internal sealed class Gemma : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "gemma";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: true) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28, "num_attention_heads": 16, "max_position_embeddings": 8192}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 16, headDimension: 256) with { NormKind = NormKind.RootMeanSquareAddOne };
        bool bias = values.Flag("attention_bias");
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadTanhGelu(values) };
        return sizes.Model(this, _ => sizes.PreNorm(attention, mlp)) with { Embedding = new() { Scale = Math.Sqrt(sizes.HiddenSize), RoundsScale = true } };
    }
}
