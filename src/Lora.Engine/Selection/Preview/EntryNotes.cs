using System.Globalization;

namespace Lora.Selection;

/// <summary>Entries that match modules and yet do nothing, each with what is in its way.</summary>
/// <param name="config">The configuration, its targets spelt out.</param>
/// <param name="listName">The list that the targets are in.</param>
/// <param name="decisions">What was decided about every name.</param>
internal sealed class EntryNotes(LoraConfig config, string listName, IReadOnlyList<TargetDecision> decisions)
{
    /// <summary>A sentence for each entry that never decides, that excludes what nothing targets, or whose modules the layers leave out.</summary>
    /// <param name="entries">The entries that somebody wrote.</param>
    public IEnumerable<string> Of(IReadOnlyList<LoraTargetEntry> entries) =>
        [.. entries.Where(entry => entry is { Hits: > 0, Decided: 0 }).Select(Idle), .. InVain(entries), .. OtherLayers(entries)];

    private string Idle(LoraTargetEntry entry)
    {
        string matches = entry.Hits == 1 ? "1 module" : string.Create(CultureInfo.InvariantCulture, $"{entry.Hits} modules");
        string[] before = [.. (entry.List switch
        {
            nameof(config.RankPattern) => Earlier(entry, config.RankPattern!),
            nameof(config.AlphaPattern) => Earlier(entry, config.AlphaPattern!),
            _ => Matched(entry).Where(decision => decision.Entry is not null).Select(decision => $"{decision.List} '{decision.Entry}'"),
        }).Distinct()];
        string what = before.Length switch
        {
            0 => "something else always goes before it",
            1 => $"{before[0]} goes before it",
            _ => $"{string.Join(", ", before[..^1])} and {before[^1]} go before it",
        };
        return $"The {entry.List} entry '{entry.Entry}' matches {matches} and decides about none: {what}.";
    }

    /// <summary>PEFT is silent about what is excluded and was never a target.</summary>
    private IEnumerable<string> InVain(IReadOnlyList<LoraTargetEntry> entries)
    {
        HashSet<(string, string)> written = [.. entries.Select(entry => (entry.List, entry.Entry))];
        // What would be a target if nothing were excluded.
        TargetSelector free = new(config with { ExcludeModule = null, ExcludePattern = null }, listName);
        return decisions
            .Where(decision => decision.Rule is TargetRule.ExcludeModule or TargetRule.ExcludePattern && written.Contains((decision.List, decision.Entry!)))
            .GroupBy(decision => (decision.List, decision.Entry))
            .Where(group => !group.Any(decision => free.Decide(decision.Name).Targeted))
            .Select(group => $"The {group.Key.List} entry '{group.Key.Entry}' excludes only what no target matches, as '{group.First().Name}': it changes nothing.");
    }

    private IEnumerable<string> OtherLayers(IReadOnlyList<LoraTargetEntry> entries)
    {
        ILookup<(string, string?), TargetDecision> decided = decisions.Where(decision => decision.Entry is not null).ToLookup(decision => (decision.List, decision.Entry));
        return entries
            .Where(entry => decided[(entry.List, entry.Entry)].Any() && decided[(entry.List, entry.Entry)].All(decision => decision.Rule is TargetRule.OtherLayer or TargetRule.NoLayer))
            .Select(entry => $"The {entry.List} entry '{entry.Entry}' takes nothing: {nameof(config.LayersToTransform)} leaves out what it matches, as '{decided[(entry.List, entry.Entry)].First().Name}'.");
    }

    private IEnumerable<string> Earlier(LoraTargetEntry entry, LoraPatternValue[] patterns)
    {
        PatternTable table = new(patterns);
        PythonRegex own = PatternTable.Compile(entry.Entry);
        return decisions.Where(decision => decision.Targeted && own.Matches(decision.Name)).Select(decision => $"{entry.List} '{patterns[table.Find(decision.Name)].Pattern}'");
    }

    private IEnumerable<TargetDecision> Matched(LoraTargetEntry entry)
    {
        Func<string, bool> matches = entry.List switch
        {
            nameof(config.TargetPattern) or nameof(config.ExcludePattern) => PythonRegex.Whole(entry.Entry).Matches,
            _ => name => name == entry.Entry || name.EndsWith("." + entry.Entry, StringComparison.Ordinal),
        };
        return decisions.Where(decision => matches(decision.Name));
    }
}
