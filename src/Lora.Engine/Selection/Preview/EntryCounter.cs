namespace Lora.Selection;

/// <summary>Counts what each entry of a configuration matches in a model.</summary>
internal sealed class EntryCounter(LoraConfig config, string targetList, IReadOnlyList<string> names, IReadOnlyList<TargetDecision> decisions)
{
    private readonly Dictionary<(string List, string Entry), int> decided = decisions.Where(decision => decision.Entry is not null)
        .GroupBy(decision => (decision.List, decision.Entry!)).ToDictionary(group => group.Key, group => group.Count());

    public IReadOnlyList<LoraTargetEntry> Count(IReadOnlyList<ResolvedTarget> targets) =>
    [
        .. List(targetList, config.Module ?? config.TargetModule, endings: config.Module is null),
        .. Pattern(nameof(config.TargetPattern), config.TargetPattern),
        .. List(nameof(config.ExcludeModule), config.ExcludeModule, endings: true),
        .. Pattern(nameof(config.ExcludePattern), config.ExcludePattern),
        .. Saved(),
        .. Table(nameof(config.RankPattern), config.RankPattern, targets),
        .. Table(nameof(config.AlphaPattern), config.AlphaPattern, targets),
    ];

    private IEnumerable<LoraTargetEntry> List(string list, string[]? entries, bool endings)
    {
        if (entries is null)
        {
            return [];
        }

        // The names that the keyword was spelt out to would be an entry for each module of the model.
        if (list == AllLinear.Keyword)
        {
            return [LoraTargetEntry.Of(nameof(config.TargetPattern), list, entries.Length, decisions.Count(decision => decision.List == list))];
        }

        SuffixTable table = new(entries);
        int[] hits = new int[entries.Length];
        foreach (string name in names)
        {
            table.CountHits(name, hits, endings);
        }

        // The table holds the first of equal entries only, and all hits with it.
        return entries.Distinct(StringComparer.Ordinal).Select(entry => Entry(list, entry, hits[table.FindExact(entry)]));
    }

    private IEnumerable<LoraTargetEntry> Pattern(string list, string? pattern) =>
        pattern is null ? [] : [Entry(list, pattern, names.Count(PythonRegex.Whole(pattern).Matches))];

    private IEnumerable<LoraTargetEntry> Saved()
    {
        SavedModules saved = new(config.ModulesToSave);
        return (config.ModulesToSave ?? []).Select((entry, index) => Entry(nameof(config.ModulesToSave), entry, saved.Count(index, names)));
    }

    private static IEnumerable<LoraTargetEntry> Table(string list, LoraPatternValue[]? entries, IReadOnlyList<ResolvedTarget> targets)
    {
        PatternTable table = new(entries);
        // Only what is adapted has a rank and an alpha.
        string[] names = [.. targets.Select(target => target.Module.Name)];
        ILookup<int, string> decided = names.ToLookup(table.Find);
        return (entries ?? []).Select((entry, index) => LoraTargetEntry.Of(list, entry.Pattern, table.Count(index, names), decided[index].Count()));
    }

    private LoraTargetEntry Entry(string list, string entry, int hits) => LoraTargetEntry.Of(list, entry, hits, decided.GetValueOrDefault((list, entry)));
}
