namespace Lora.Selection;

/// <summary>Patterns of modules to take and of modules to leave out; immutable and safe for use by several threads.</summary>
public sealed class ModuleFilter
{
    /// <summary>Makes a filter.</summary>
    /// <param name="include">The modules to take; empty for all.</param>
    /// <param name="exclude">The modules to leave out of those; empty for none.</param>
    /// <exception cref="LoraException">Patterns cannot be used; all of them are reported.</exception>
    public ModuleFilter(IReadOnlyList<string> include, IReadOnlyList<string> exclude)
    {
        LoraException.ThrowIfAny([.. include.Concat(exclude).SelectMany(ModulePattern.Problems)]);
        Include = [.. include.Select(ModulePattern.Parse)];
        Exclude = [.. exclude.Select(ModulePattern.Parse)];
    }

    /// <summary>The patterns of the modules to take.</summary>
    public IReadOnlyList<ModulePattern> Include { get; }

    /// <summary>The patterns of the modules to leave out.</summary>
    public IReadOnlyList<ModulePattern> Exclude { get; }

    /// <summary>Filters names, and counts for each pattern how many of all the names it matches.</summary>
    public ModuleFilterResult Apply(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        List<string> selected = [];
        int[] includeHits = new int[Include.Count];
        int[] excludeHits = new int[Exclude.Count];
        foreach (string name in names)
        {
            string[] parts = name.Split('.');
            bool included = Count(Include, parts, includeHits) || Include.Count == 0;
            bool excluded = Count(Exclude, parts, excludeHits);
            if (included && !excluded)
            {
                selected.Add(name);
            }
        }

        return new(selected, includeHits, excludeHits);
    }

    private static bool Count(IReadOnlyList<ModulePattern> patterns, string[] parts, int[] hits)
    {
        bool any = false;
        for (int index = 0; index < hits.Length; index++)
        {
            // No end at the first that matches: an entry without a hit is reported, and must not be one that another entry only hid.
            if (patterns[index].IsMatch(parts))
            {
                hits[index]++;
                any = true;
            }
        }

        return any;
    }
}

/// <summary>What a <see cref="ModuleFilter"/> found in a list of names.</summary>
/// <param name="Selected">The names that were taken, in their order.</param>
/// <param name="IncludeHits">For each pattern to take, how many of all names it matches; 0 is a pattern that found nothing.</param>
/// <param name="ExcludeHits">For each pattern to leave out, how many of all names it matches, taken or not.</param>
public sealed record ModuleFilterResult(IReadOnlyList<string> Selected, IReadOnlyList<int> IncludeHits, IReadOnlyList<int> ExcludeHits);
