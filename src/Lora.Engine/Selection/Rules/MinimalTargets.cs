namespace Lora.Selection;

/// <summary>
/// PEFT replaces a list of twenty or more targets by fewer, shorter endings that hit the same names. With a layer filter that changes the meaning:
/// an entry that was a whole name, and so free of the filter, becomes an ending.
/// </summary>
internal static class MinimalTargets
{
    private const int FewestEntries = 20; // PEFT's MIN_TARGET_MODULES_FOR_OPTIMIZATION

    /// <summary>Returns the configuration that PEFT would go on with.</summary>
    public static LoraConfig Apply(LoraConfig config, IReadOnlyList<string> names)
    {
        string[] entries = [.. (config.TargetModule ?? []).Distinct(StringComparer.Ordinal)];
        // Without a layer filter both lists hit the same names, and messages can name what was written.
        if (LayerFilter.Of(config) is null || entries.Length < FewestEntries)
        {
            return config;
        }

        string[] endings = Find(entries, names);
        return endings.Length > 0 && endings.Length < entries.Length ? config with { TargetModule = endings } : config;
    }

    private static string[] Find(string[] entries, IReadOnlyList<string> names)
    {
        SuffixTable targets = new(entries);
        HashSet<string> taken = new(names.Where(name => targets.Find(name) < 0).SelectMany(Endings), StringComparer.Ordinal);
        HashSet<string> chosen = new(StringComparer.Ordinal);
        // PEFT's order, by the lists of endings: what is chosen depends on it.
        foreach (string[] endings in entries.Select(entry => Endings(entry).Reverse().ToArray()).OrderBy(endings => endings, Ordered))
        {
            // From the shortest: the first ending that no other name has, unless a chosen one covers the entry already.
            string? free = endings.FirstOrDefault(ending => !chosen.Contains(ending) && !taken.Contains(ending));
            if (free is not null && !endings[..^1].Any(chosen.Contains))
            {
                chosen.Add(free);
            }
        }

        return [.. chosen];
    }

    /// <summary>The name and its endings after each dot, the longest first.</summary>
    private static IEnumerable<string> Endings(string name)
    {
        yield return name;
        for (int dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
        {
            yield return name[(dot + 1)..];
        }
    }

    private static Comparer<string[]> Ordered { get; } = Comparer<string[]>.Create((left, right) =>
        left.Zip(right, string.CompareOrdinal).FirstOrDefault(order => order != 0) is int order and not 0 ? order : left.Length - right.Length);
}
