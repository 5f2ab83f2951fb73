namespace Lora.Selection;

/// <summary>PEFT's modules_to_save as it keeps LoRA away: from the modules named and from all below them.</summary>
internal sealed class SavedModules(IReadOnlyList<string>? entries)
{
    private readonly PythonRegex[] patterns = [.. (entries ?? []).Select(Compile)];

    /// <summary>Makes the pattern of an entry, which may stand anywhere in a name between dots; PEFT takes it as a regular expression.</summary>
    public static PythonRegex Compile(string entry) => PythonRegex.Spliced(@"(^|.*\.)", entry, @"($|\..*)");

    /// <summary>Whether an entry says that a module is trained whole: it names the module, or one above it, by a whole dotted ending.</summary>
    public static bool Holds(string entry, string name) => $".{name}.".Contains($".{entry}.", StringComparison.Ordinal);

    /// <summary>The index of the first entry that keeps LoRA away from the name, or -1.</summary>
    public int Find(string name) => Array.FindIndex(patterns, pattern => pattern.Matches(name));

    /// <summary>How many of the names an entry keeps LoRA away from.</summary>
    public int Count(int index, IEnumerable<string> names) => names.Count(patterns[index].Matches);
}
