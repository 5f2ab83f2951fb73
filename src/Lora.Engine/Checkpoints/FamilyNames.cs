namespace Lora.Checkpoints;

/// <summary>How the classes of a model_type name their modules, and what PEFT takes of them by default.</summary>
/// <param name="BasePrefix">The name under which a class with a head holds the base model; empty when it has none.</param>
/// <param name="OutputHead">The module of the language-modelling head; null when the family has none.</param>
/// <param name="TiedByDefault">Whether the head shares the embedding when config.json does not say.</param>
internal sealed record FamilyNames(string BasePrefix, string? OutputHead, bool TiedByDefault)
{
    /// <summary>PEFT's targets where a configuration names none (constants.py); empty where it has none for the family.</summary>
    public IReadOnlyList<string> DefaultTargets { get; init; } = [];
}
