namespace Lora.Selection;

/// <summary>The entries that match nothing. PEFT passes over most of them in silence; a typing error is more likely than intent.</summary>
internal static class UnmatchedEntries
{
    public static IEnumerable<LoraProblem> Find(IEnumerable<TargetEntry> entries, bool defaultTargets, IReadOnlyList<string> names) =>
        entries.Where(entry => entry.Hits == 0 && !(defaultTargets && IsTarget(entry))).Select(entry => Problem(entry, names));

    private static LoraProblem Problem(TargetEntry entry, IReadOnlyList<string> names)
    {
        bool isLiteral = entry.List is nameof(LoraConfig.Module) or nameof(LoraConfig.TargetModule) or nameof(LoraConfig.ExcludeModule) or nameof(LoraConfig.ModulesToSave);
        IReadOnlyList<string> near = isLiteral ? NearestNames.Find(entry.Entry, names) : [];
        string hint = near.Count == 0 ? "" : "; near it are " + string.Join(", ", near.Select(name => $"'{name}'"));
        return new(LoraError.TargetNotFound, entry.Entry, entry.List, entry.Entry, hint);
    }

    private static bool IsTarget(TargetEntry entry) => entry.List is nameof(LoraConfig.TargetModule) or nameof(LoraConfig.TargetPattern);
}
