namespace Lora.Selection;

/// <summary>What one entry of a configuration did.</summary>
/// <param name="List">The property that holds it.</param>
/// <param name="Entry">The entry or pattern.</param>
/// <param name="Hits">How many module names it matches by itself.</param>
/// <param name="Decided">For how many names it was the one that decided.</param>
public sealed record TargetEntry(string List, string Entry, int Hits, int Decided);
