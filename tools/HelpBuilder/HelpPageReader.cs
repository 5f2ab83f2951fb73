using System.Text.RegularExpressions;

namespace Lora.Tools.Help;

/// <summary>Reads a cmdlet's page, written in platyPS's layout.</summary>
public static partial class HelpPageReader
{
    private const string Default = " (Default)";

    /// <summary>Reads it.</summary>
    /// <exception cref="FormatException">A section is missing or has nothing where something is needed.</exception>
    public static HelpPage Read(string markdown)
    {
        MarkdownSection page = Only(MarkdownSection.Read(markdown, 1), "heading with the cmdlet's name");
        Dictionary<string, string> sections = MarkdownSection.Read(page.Body, 2).ToDictionary(section => section.Title, section => section.Body);
        return new(
            page.Title,
            Body("SYNOPSIS"),
            [.. Parts("SYNTAX").Select(Syntax)],
            Body("DESCRIPTION"),
            [.. Parts("EXAMPLES").Select(Example)],
            [.. Parts("PARAMETERS").Where(part => part.Title.StartsWith('-')).Select(Parameter)],
            [.. Parts("INPUTS").Select(Type)],
            [.. Parts("OUTPUTS").Select(Type)],
            sections.GetValueOrDefault("NOTES", ""),
            [.. LinkPattern().Matches(Body("RELATED LINKS")).Select(Link)]);

        string Body(string title) => sections.GetValueOrDefault(title) ?? throw new FormatException($"the section '{title}' is missing");

        IReadOnlyList<MarkdownSection> Parts(string title) => MarkdownSection.Read(Body(title), 3);
    }

    private static HelpSyntax Syntax(MarkdownSection section)
    {
        bool isDefault = section.Title.EndsWith(Default, StringComparison.Ordinal);
        string line = Only(MarkdownSection.Fenced(section.Body, ""), $"line of syntax under '{section.Title}'");
        return new(isDefault ? section.Title[..^Default.Length] : section.Title, isDefault, Spaces().Replace(line, " "));
    }

    private static HelpExample Example(MarkdownSection section) => new(
        section.Title,
        Only(MarkdownSection.Fenced(section.Body, "powershell"), $"block of code under '{section.Title}'"),
        MarkdownSection.WithoutFenced(section.Body, "powershell"));

    private static HelpParameter Parameter(MarkdownSection section) => new(
        section.Title[1..],
        MarkdownSection.WithoutFenced(section.Body, "yaml"),
        HelpParameterFacts.Parse(Only(MarkdownSection.Fenced(section.Body, "yaml"), $"yaml block under '{section.Title}'")));

    private static HelpType Type(MarkdownSection section) => new(section.Title, section.Body);

    private static HelpLink Link(Match match)
    {
        string address = match.Groups["address"].Value;
        return new(match.Groups["text"].Value, address.Contains("://", StringComparison.Ordinal) ? address : "");
    }

    private static T Only<T>(IReadOnlyList<T> found, string what) =>
        found.Count == 1 ? found[0] : throw new FormatException($"{found.Count} times a {what}; expected is one");

    [GeneratedRegex(@"\[(?<text>[^\]]+)\]\((?<address>[^)]*)\)")]
    private static partial Regex LinkPattern();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
