using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Idefics 3 (arXiv 2408.12637) and SmolVLM.</summary>
/// <remarks>
/// model.vision_model sees, model.connector hands on, and model.text_model is a language model of the family that text_config names, Llama in those published.
/// Files have the names of the class.
/// text_config leaves out what is its class's default.
/// </remarks>
internal sealed class Idefics3(string modelType) : VisionLanguageFamily(modelType)
{
    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    protected override string Body => "model.text_model";
}
