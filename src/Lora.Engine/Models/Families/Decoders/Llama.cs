using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Llama (Meta), and what shares its code: SmolLM, SmolLM2, TinyLlama, Yi, Vicuna.</summary>
/// <remarks>
/// RMSNorm before attention and before the MLP; the quotient is rounded before it is multiplied by the weight.
/// Grouped key/value heads; as many as query heads where num_key_value_heads is missing.
/// Rotation over the whole head, half-split; linear, dynamic, llama3 and yarn scaling.
/// Gated MLP with SiLU.
/// No biases, unless attention_bias (then q, k, v and o) or mlp_bias (all three) say so.
/// The head is the embedding only where tie_word_embeddings says so.
/// </remarks>
internal sealed class Llama : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "llama";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this);
        bool bias = values.Flag("attention_bias");
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias };
        GatedMlpShape mlp = sizes.GatedMlp() with { Bias = values.Flag("mlp_bias"), Activation = GateReader.ReadSilu(values) };
        return sizes.Model(this, _ => sizes.PreNorm(attention, mlp));
    }
}
