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

    /// <summary>Whether it is about a parameter, which no entry for modules means.</summary>
    public bool IsParameter { get; init; }

    /// <summary>What becomes of the module.</summary>
    public TargetOutcome Outcome => Rule switch
    {
        TargetRule.ExcludeModule or TargetRule.ExcludePattern or TargetRule.ModulesToSave => TargetOutcome.Excluded,
        TargetRule.TargetPattern or TargetRule.TargetName or TargetRule.TargetEnding or TargetRule.TargetParameter => TargetOutcome.Match,
        _ => TargetOutcome.NoMatch,
    };

    /// <summary>Whether the module is adapted.</summary>
    public bool Targeted => Outcome == TargetOutcome.Match;

    /// <summary>What decided, in the few words that a column of a table holds.</summary>
    public string Reason => Rule switch
    {
        TargetRule.ExcludeModule or TargetRule.ExcludePattern => $"excluded: {What}",
        TargetRule.ModulesToSave => $"trained whole: {What}",
        TargetRule.OtherLayer => $"{What}, but layer {Layer} is not asked for",
        TargetRule.NoLayer => $"{What}, but no layer number in the name",
        TargetRule.NoTarget => "no target matches",
        _ => What,
    };

    // An exact name needs no second mention.
    private string What => List is nameof(LoraConfig.Module) or AllLinear.Keyword ? List : $"{List} '{Entry}'";

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Reason}";
}
