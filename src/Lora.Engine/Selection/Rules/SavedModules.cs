namespace Lora.Selection;

/// <summary>PEFT's modules_to_save as it keeps LoRA away: from the modules named and from all below them.</summary>
internal sealed class SavedModules(IReadOnlyList<string>? entries)
{
    private readonly PythonRegex[] patterns = [.. (entries ?? []).Select(Compile)];

    /// <summary>Makes the pattern of an entry, which may stand anywhere in a name between dots; PEFT takes it as a regular expression.</summary>
    public static PythonRegex Compile(string entry) => PythonRegex.Spliced(@"(^|.*\.)", entry, @"($|\..*)");

    /// <summary>Whether an entry says that a module is trained whole: it names the module, or one above it, by a whole dotted ending.</summary>
    public static bool Holds(string entry, string name) => $".{name}.".Contains($".{entry}.", StringComparison.Ordinal);

    /// <summary>
    /// The modules that the entries name, by their whole names, each once: PEFT, which takes an entry for the plain ending of a name, reads the same
    /// modules out of these.
    /// </summary>
    public static string[] WholeNames(IEnumerable<string> entries, IReadOnlyList<string> names) => Outermost(
        from entry in entries
        from name in names
        where name == entry || name.EndsWith("." + entry, StringComparison.Ordinal)
        select name);

    /// <summary>Those names that lie in none of the others.</summary>
    public static string[] Outermost(IEnumerable<string> names)
    {
        string[] all = [.. names.Distinct(StringComparer.Ordinal)];
        return [.. all.Where(name => !all.Any(other => name.StartsWith(other + ".", StringComparison.Ordinal)))];
    }

    /// <summary>The index of the first entry that keeps LoRA away from the name, or -1.</summary>
    public int Find(string name) => Array.FindIndex(patterns, pattern => pattern.Matches(name));

    /// <summary>How many of the names an entry keeps LoRA away from.</summary>
    public int Count(int index, IEnumerable<string> names) => names.Count(patterns[index].Matches);
}
