using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Qwen2-VL (arXiv 2409.12191) and Qwen2.5-VL (arXiv 2502.13923).</summary>
/// <remarks>
/// A tower that sees, whose merger hands on, and the decoder of <see cref="Qwen2"/>.
/// Since transformers 4.52 the class has model.visual, model.language_model and lm_head; files have visual, model and lm_head, also those that it saves.
/// In files of transformers 4 the decoder's keys stand beside the others, in those of 5 in text_config.
/// Positions are three (mrope): of time, height and width. A text's three are equal, and then it is the plain rotation.
/// Base 1,000,000, eight key/value heads, epsilon 1e-5, windows from block 80 on, where the keys are missing.
/// The small models tie their head.
/// </remarks>
internal sealed class Qwen2Vl(string modelType) : VisionLanguageFamily(modelType)
{
    private const int FirstWindow = 80;

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false)
    {
        Renamed = [("visual.", "model.visual."), ("model.", "model.language_model.")],
    };

    /// <inheritdoc/>
    protected override string Body => "model.language_model";

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80, "num_attention_heads": 64, "max_position_embeddings": 32768}""";

    /// <inheritdoc/>
    protected override ModelShape ReadDecoder(ConfigValues values)
    {
        ConfigValues text = Decoder(values, SizesWithin);
        DecoderSizes sizes = DecoderSizes.Read(text, this, keyValueHeads: 8, epsilon: 1e-5, theta: 1e6, kinds: RopeKinds.Multimodal);
        SlidingWindows windows = new(text, size: 4096);
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(text) };
        return sizes.Model(this, layer => sizes.PreNorm(sizes.Attention() with { Bias = true, Window = windows.OfOptIn(layer, FirstWindow) }, mlp));
    }
}
