namespace Lora.Selection;

/// <summary>What patterns say that was hardly meant: ranges of numbers in a class of characters, alternatives that match nothing, blocks that the model has not.</summary>
internal static class PatternNotes
{
    /// <summary>A sentence for each.</summary>
    public static IEnumerable<string> Of(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<string> names)
    {
        foreach ((string list, string pattern) in Patterns(config))
        {
            foreach (string range in NumberRange.Explain(pattern))
            {
                yield return $"The {list} entry '{pattern}': {range}.";
            }

            if (BlockNumbers.Beyond(pattern, modules) is string beyond)
            {
                yield return $"The {list} entry '{pattern}': {beyond}.";
            }
        }

        foreach ((string list, string pattern) in Whole(config))
        {
            foreach (string idle in Idle(pattern, names))
            {
                yield return $"Of {list} '{pattern}' the alternative '{idle}' matches nothing{EntryHint.WholeNames(list, idle, names)}.";
            }
        }
    }

    private static IEnumerable<(string List, string Pattern)> Patterns(LoraConfig config) =>
    [
        .. Whole(config),
        .. (config.LayersPattern ?? []).Select(pattern => (nameof(config.LayersPattern), pattern)),
        .. (config.RankPattern ?? []).Select(entry => (nameof(config.RankPattern), entry.Pattern)),
        .. (config.AlphaPattern ?? []).Select(entry => (nameof(config.AlphaPattern), entry.Pattern)),
    ];

    private static IEnumerable<(string List, string Pattern)> Whole(LoraConfig config)
    {
        if (config.TargetPattern is string target)
        {
            yield return (nameof(config.TargetPattern), target);
        }

        if (config.ExcludePattern is string exclusion)
        {
            yield return (nameof(config.ExcludePattern), exclusion);
        }
    }

    // Of a pattern that matches nothing at all the unmatched entry tells.
    private static string[] Idle(string pattern, IReadOnlyList<string> names)
    {
        IReadOnlyList<string> parts = Alternatives.Of(pattern);
        // Flags at the start hold for all alternatives, which mean something else without them.
        string[] idle = parts.Count < 2 || pattern.StartsWith("(?", StringComparison.Ordinal) ? [] : [.. parts.Where(part => IsIdle(part, names))];
        // Where no part matches, the whole does not either, and is reported as an entry without a hit.
        return idle.Length < parts.Count ? idle : [];
    }

    private static bool IsIdle(string part, IReadOnlyList<string> names)
    {
        try
        {
            return !names.Any(PythonRegex.Whole(part).Matches);
        }
        catch (LoraException exception) when (exception.Error == LoraError.PatternInvalid)
        {
            return false; // a part that refers to another is no pattern by itself
        }
    }
}
