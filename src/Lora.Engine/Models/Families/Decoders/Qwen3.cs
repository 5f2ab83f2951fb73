using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Qwen3, the dense models (arXiv 2505.09388).</summary>
/// <remarks>
/// Llama's block; q and k go through an RMSNorm over each head, with a weight of its size, before the rotation.
/// head_dim is 128 where the key is missing, not hidden size / heads.
/// Biases on q, k, v and o only with attention_bias.
/// Windows as in Qwen2.
/// The small models tie their head, by tie_word_embeddings; the default is untied.
/// </remarks>
internal sealed class Qwen3 : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "qwen3";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 32768}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 32, headDimension: 128);
        SlidingWindows windows = new(values);
        bool bias = values.Flag("attention_bias");
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias, QueryNorm = sizes.HeadNorm("q_norm"), KeyNorm = sizes.HeadNorm("k_norm") };
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) };
        return sizes.Model(this, layer => sizes.PreNorm(attention with { Window = windows.OfOptIn(layer) }, mlp));
    }
}
