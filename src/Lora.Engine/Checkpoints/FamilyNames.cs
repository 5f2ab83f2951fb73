namespace Lora.Checkpoints;

/// <summary>How the classes of a model_type name their modules, and what PEFT takes of them by default.</summary>
/// <param name="BasePrefix">The name under which a class with a head holds the base model; empty when it has none.</param>
/// <param name="OutputHead">The module of the language-modelling head; null when the family has none.</param>
/// <param name="TiedByDefault">Whether the head shares the embedding when config.json does not say.</param>
internal sealed record FamilyNames(string BasePrefix, string? OutputHead, bool TiedByDefault)
{
    /// <summary>The layer for labels in a decoder's class for the classification of tokens, ...ForTokenClassification.</summary>
    public string TokenClassifier { get; init; } = "score";

    /// <summary>PEFT's targets where a configuration names none (constants.py); empty where it has none for the family.</summary>
    public IReadOnlyList<string> DefaultTargets { get; init; } = [];

    /// <summary>
    /// What names in files begin with, and what the class has in its place: transformers renames on loading, and back on saving
    /// (<c>_checkpoint_conversion_mapping</c>), so that PEFT's names are the class's.
    /// </summary>
    public IReadOnlyList<(string Stored, string Named)> Renamed { get; init; } = [];

    /// <summary>The name that the class has for a tensor of a file, but for the prefix of a bare base model.</summary>
    public string NameOf(string stored)
    {
        if (Renamed.Any(rule => stored.StartsWith(rule.Named, StringComparison.Ordinal)))
        {
            return stored; // a file may have the new names already
        }

        (string from, string to) = Renamed.FirstOrDefault(entry => stored.StartsWith(entry.Stored, StringComparison.Ordinal));
        return from is null ? stored : to + stored[from.Length..];
    }

    /// <summary>What a file may call a tensor, or what the names of a list of blocks may begin with there: the class's name first.</summary>
    public IEnumerable<string> StoredNames(string name) =>
    [
        name,
        .. Renamed.Where(rule => name.StartsWith(rule.Named, StringComparison.Ordinal)).Select(rule => rule.Stored + name[rule.Named.Length..]),
        .. name.StartsWith(BasePrefix + ".", StringComparison.Ordinal) ? [name[(BasePrefix.Length + 1)..]] : Array.Empty<string>(),
    ];
}
