namespace Lora.Selection;

/// <summary>
/// Writes rank_pattern and alpha_pattern so that their order does not matter: the first that matches decides, and PEFT, which reads them in the order
/// of the file, sorts the keys of what it saves itself.
/// </summary>
internal static class FilePatterns
{
    /// <summary>The entries as they are; where sorting would change the value of a target, an entry with the whole name of each target instead.</summary>
    public static LoraPatternValue[]? Spell(LoraPatternValue[]? entries, IReadOnlyList<ResolvedTarget> targets)
    {
        if (entries is not { Length: > 1 })
        {
            return entries;
        }

        PatternTable given = new(entries);
        PatternTable sorted = new([.. entries.OrderBy(entry => entry.Pattern, StringComparer.Ordinal)]);
        string[] names = [.. targets.Select(target => target.Module.Name).Where(name => given.Find(name) >= 0)];
        return names.All(name => given.ValueOf(name, 0).Equals(sorted.ValueOf(name, 0)))
            ? entries
            // Held to the beginning: a name may be the ending of another target's.
            : [.. names.Select(name => new LoraPatternValue { Pattern = "^" + FileTargets.Escape(name), Value = given.ValueOf(name, 0) })];
    }
}
