namespace Lora.Selection;

/// <summary>The entries that match nothing. PEFT passes over most of them in silence; a typing error is more likely than intent.</summary>
internal static class UnmatchedEntries
{
    public static IEnumerable<LoraProblem> Find(
        IEnumerable<LoraTargetEntry> entries, bool defaultTargets, IReadOnlyList<string> names, IReadOnlyList<LoraModuleInfo> modules) =>
        from entry in entries
        where entry.Hits == 0 && !(defaultTargets && IsTarget(entry))
        select new LoraProblem(LoraError.TargetNotFound, entry.Entry, entry.List, entry.Entry, EntryHint.Of(entry, names, modules));

    private static bool IsTarget(LoraTargetEntry entry) => entry.List is nameof(LoraConfig.TargetModule) or nameof(LoraConfig.TargetPattern);
}
