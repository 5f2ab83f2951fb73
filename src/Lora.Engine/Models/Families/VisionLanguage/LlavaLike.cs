using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>LLaVA (arXiv 2304.08485), and what is put together as it is: LLaVA-NeXT, LLaVA-OneVision, ViP-LLaVA, InternVL, Mistral 3, Gemma 3.</summary>
/// <remarks>
/// A tower that sees, a projector, and a language model of the family that text_config names (Gemma 3: <see cref="Gemma3Text"/>).
/// Since transformers 4.52 the class has model.language_model, model.vision_tower, model.multi_modal_projector and lm_head.
/// Files have language_model.model, vision_tower, multi_modal_projector and language_model.lm_head: save_pretrained still writes those.
/// text_config leaves out what is its class's default.
/// Tokens see those before them; that the tokens of an image see each other (Gemma 3) is nothing to a text.
/// </remarks>
internal sealed class LlavaLike(string modelType) : VisionLanguageFamily(modelType)
{
    private static readonly IReadOnlyList<(string Stored, string Named)> Conversion =
    [
        ("language_model.model.", "model.language_model."),
        ("vision_tower.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
        ("image_newline", "model.image_newline"),
        ("language_model.lm_head.", "lm_head."),
    ];

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: modelType == "gemma3") { Renamed = Conversion };

    /// <inheritdoc/>
    protected override string Body => "model.language_model";

    /// <inheritdoc/>
    protected override string UsualText => ModelType switch
    {
        "gemma3" => "gemma3_text",
        "internvl" or "llava_onevision" => "qwen2",
        "mistral3" => "mistral",
        _ => base.UsualText,
    };
}
