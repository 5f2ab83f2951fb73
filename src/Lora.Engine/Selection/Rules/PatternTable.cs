namespace Lora.Selection;

/// <summary>PEFT's rank_pattern or alpha_pattern: the first pattern, in the order given, that matches the end of a name decides.</summary>
internal sealed class PatternTable
{
    private readonly LoraPatternValue[] entries;
    private readonly PythonRegex[] patterns;

    /// <exception cref="LoraException">PatternInvalid.</exception>
    public PatternTable(IReadOnlyList<LoraPatternValue>? entries)
    {
        this.entries = [.. entries ?? []];
        patterns = [.. this.entries.Select(entry => Compile(entry.Pattern))];
    }

    /// <summary>Makes the pattern that the end of a name is held to, from its start or after a dot.</summary>
    public static PythonRegex Compile(string pattern) => PythonRegex.Spliced(@"(.*\.)?(", pattern, ")$");

    /// <summary>The index of the entry for a name, or -1.</summary>
    /// <remarks>When no pattern matches, one that equals the name counts: so a name with special characters can be written as it is.</remarks>
    public int Find(string name)
    {
        int index = Array.FindIndex(patterns, pattern => pattern.Matches(name));
        return index >= 0 ? index : Array.FindIndex(entries, entry => entry.Pattern == name);
    }

    /// <summary>How many of the names an entry matches, whether or not an earlier one decides.</summary>
    public int Count(int index, IEnumerable<string> names) => names.Count(name => patterns[index].Matches(name) || entries[index].Pattern == name);

    /// <summary>The value for a name, or the default where no entry matches.</summary>
    public double ValueOf(string name, double otherwise)
    {
        int index = Find(name);
        return index < 0 ? otherwise : entries[index].Value;
    }
}
