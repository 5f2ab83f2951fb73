namespace Lora.Selection;

/// <summary>Whether a module is adapted, and why.</summary>
public sealed record TargetDecision
{
    /// <summary>The module's dotted name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The rule that decided.</summary>
    public TargetRule Rule { get; init; }

    /// <summary>The list or pattern that decided, by its property's name; empty when none matched.</summary>
    public string List { get; init; } = "";

    /// <summary>The entry of the list that decided, or the pattern; null when none matched.</summary>
    public string? Entry { get; init; }

    /// <summary>The entry's index in its list; -1 when none matched.</summary>
    public int EntryIndex { get; init; } = -1;

    /// <summary>The layer that was found, when layers were asked for.</summary>
    public int? Layer { get; init; }

    /// <summary>What becomes of the module.</summary>
    public TargetOutcome Outcome => Rule switch
    {
        TargetRule.ExcludeModule or TargetRule.ExcludePattern or TargetRule.ModulesToSave => TargetOutcome.Excluded,
        TargetRule.TargetPattern or TargetRule.TargetName or TargetRule.TargetEnding => TargetOutcome.Match,
        _ => TargetOutcome.NoMatch,
    };

    /// <summary>Whether the module is adapted.</summary>
    public bool Targeted => Outcome == TargetOutcome.Match;

    /// <summary>The decision as a sentence that names what decided.</summary>
    public string Reason => Rule switch
    {
        TargetRule.ExcludeModule => $"It is excluded by the {List} entry '{Entry}'.",
        TargetRule.ExcludePattern => $"It is excluded: {List} '{Entry}' matches the whole name.",
        TargetRule.ModulesToSave => $"It is trained whole, or lies in a module that is, by the {List} entry '{Entry}'.",
        TargetRule.TargetPattern => $"It is adapted: {List} '{Entry}' matches the whole name.",
        TargetRule.TargetName => $"It is adapted: the {List} entry '{Entry}' is its name.",
        TargetRule.TargetEnding => $"It is adapted: the {List} entry '{Entry}' is the ending of its name.",
        TargetRule.OtherLayer => $"The {List} entry '{Entry}' is the ending of its name, but layer {Layer} is not among LayersToTransform.",
        TargetRule.NoLayer => $"The {List} entry '{Entry}' is the ending of its name, but no layer number is found in it for LayersToTransform.",
        _ => "No target matches it.",
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Reason}";
}
