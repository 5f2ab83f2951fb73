namespace Lora.Selection;

/// <summary>What a <see cref="ModuleFilter"/> found in a list of names.</summary>
/// <param name="Selected">The names that were taken, in their order.</param>
/// <param name="IncludeHits">For each pattern to take, how many of all names it matches; 0 is a pattern that found nothing.</param>
/// <param name="ExcludeHits">For each pattern to leave out, how many of all names it matches, taken or not.</param>
public sealed record ModuleFilterResult(IReadOnlyList<string> Selected, IReadOnlyList<int> IncludeHits, IReadOnlyList<int> ExcludeHits);
