using System.Collections.Frozen;

namespace Lora.Checkpoints;

/// <summary>Tells the towers of a model that sees or hears from its language model, by the names that their modules have.</summary>
internal static class ModuleParts
{
    private static readonly FrozenSet<string> Connectors = FrozenSet.Create(
        StringComparer.Ordinal, "multi_modal_projector", "mm_projector", "connector", "merger", "deepstack_merger_list", "embed_vision", "embed_audio");

    private static readonly FrozenSet<string> Vision = FrozenSet.Create(
        StringComparer.Ordinal, "vision_tower", "vision_model", "vision_encoder", "visual", "vision", "image_encoder", "image_tower", "video_tower", "vit");

    private static readonly FrozenSet<string> Audio = FrozenSet.Create(StringComparer.Ordinal, "audio_tower", "audio_model", "audio_encoder", "speech_encoder");

    private static readonly FrozenSet<string> Text = FrozenSet.Create(StringComparer.Ordinal, "language_model", "text_model", "text_encoder");

    /// <summary>The part that a module belongs to; null in a model that has no language model.</summary>
    /// <param name="name">Its dotted name.</param>
    /// <param name="readsText">Whether the model has a table of tokens.</param>
    public static LoraModulePart? Of(string name, bool readsText)
    {
        string[] parts = name.Split('.');

        // The connector first: Qwen's visual.merger lies inside of the tower whose images it hands on.
        return parts.Any(Connectors.Contains) ? LoraModulePart.Connector
            : parts.Any(Audio.Contains) ? LoraModulePart.Audio
            : parts.Any(Vision.Contains) ? LoraModulePart.Vision
            : readsText || parts.Any(Text.Contains) ? LoraModulePart.Text
            : null;
    }
}
