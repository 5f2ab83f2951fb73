using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Qwen2 and Qwen2.5 (arXiv 2407.10671).</summary>
/// <remarks>
/// Llama's block with biases on q, k and v, whatever the configuration says, and on nothing else.
/// sliding_window holds only with use_sliding_window, and from max_window_layers on; files of transformers 5 say it by layer_types.
/// 32 key/value heads where the key is missing.
/// The small models tie their head, by tie_word_embeddings; the default is untied.
/// </remarks>
internal sealed class Qwen2 : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "qwen2";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 32768}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 32);
        SlidingWindows windows = new(values);
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) };
        return sizes.Model(this, layer => sizes.PreNorm(sizes.Attention() with { Bias = true, Window = windows.OfOptIn(layer) }, mlp));
    }
}
