namespace Lora.Tools.Help;

/// <summary>The facts of a parameter: the lines of its yaml block.</summary>
public sealed record HelpParameterFacts(
    string Type,
    IReadOnlyList<string> Sets,
    IReadOnlyList<string> Aliases,
    IReadOnlyList<string> AcceptedValues,
    bool IsRequired,
    string Position,
    string Default,
    string PipelineInput,
    bool AcceptsWildcards)
{
    /// <summary>Reads the block.</summary>
    /// <exception cref="FormatException">A line is missing or is not of the form "Key: value".</exception>
    public static HelpParameterFacts Parse(string yaml)
    {
        Dictionary<string, string> facts = [];
        foreach (string line in yaml.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            facts[colon > 0 ? line[..colon] : throw new FormatException($"'{line}' is not 'Key: value'")] = line[(colon + 1)..].Trim();
        }

        return new(
            Fact("Type"),
            List(Fact("Parameter Sets")),
            List(Fact("Aliases")),
            List(facts.GetValueOrDefault("Accepted values", "")),
            Truth("Required"),
            Fact("Position"),
            Fact("Default value"),
            Fact("Accept pipeline input"),
            Truth("Accept wildcard characters"));

        string Fact(string key) => facts.GetValueOrDefault(key) ?? throw new FormatException($"the line '{key}:' is missing");

        bool Truth(string key) => bool.TryParse(Fact(key), out bool value) ? value : throw new FormatException($"'{key}' is neither True nor False");
    }

    private static string[] List(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
