namespace Lora;

/// <summary>What one entry of a configuration did.</summary>
public sealed class LoraTargetEntry
{
    /// <summary>The property of the configuration that holds it.</summary>
    public string List { get; init; } = "";

    /// <summary>The entry or pattern.</summary>
    public string Entry { get; init; } = "";

    /// <summary>How many module names it matches by itself.</summary>
    public int Hits { get; init; }

    /// <summary>For how many names it was the one that decided.</summary>
    public int Decided { get; init; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{List} '{Entry}': {Hits} hits, {Decided} decided");

    internal static LoraTargetEntry Of(string list, string entry, int hits, int decided) =>
        new() { List = list, Entry = entry, Hits = hits, Decided = decided };
}
