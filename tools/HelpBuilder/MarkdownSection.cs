namespace Lora.Tools.Help;

/// <summary>A heading and what stands below it.</summary>
/// <param name="Title">The heading's text.</param>
/// <param name="Body">What follows, up to the next heading of the same level.</param>
public sealed record MarkdownSection(string Title, string Body)
{
    private const string Fence = "```";

    /// <summary>The text before the first heading of a level.</summary>
    public static string Lead(string markdown, int level) => Split(markdown, level)[0].Body;

    /// <summary>The sections of a level; a line inside a fence is no heading.</summary>
    public static IReadOnlyList<MarkdownSection> Read(string markdown, int level) => Split(markdown, level)[1..];

    /// <summary>The contents of the fenced blocks of a language.</summary>
    public static IReadOnlyList<string> Fenced(string markdown, string language)
    {
        string[] parts = $"\n{markdown}".Split('\n' + Fence);
        return [.. parts.Where((part, index) => index % 2 == 1 && part.Split('\n')[0] == language).Select(part => part[language.Length..].Trim('\n'))];
    }

    /// <summary>The text without its fenced blocks of a language.</summary>
    public static string WithoutFenced(string markdown, string language) =>
        Fenced(markdown, language).Aggregate(markdown, (text, code) => text.Replace($"{Fence}{language}\n{code}\n{Fence}", "", StringComparison.Ordinal)).Trim();

    private static List<MarkdownSection> Split(string markdown, int level)
    {
        string mark = new string('#', level) + ' ';
        List<(string Title, List<string> Lines)> sections = [("", [])];
        bool fenced = false;
        foreach (string line in markdown.Split('\n'))
        {
            fenced ^= line.StartsWith(Fence, StringComparison.Ordinal);
            if (!fenced && line.StartsWith(mark, StringComparison.Ordinal))
            {
                sections.Add((line[mark.Length..].Trim(), []));
            }
            else
            {
                sections[^1].Lines.Add(line);
            }
        }

        return [.. sections.Select(section => new MarkdownSection(section.Title, string.Join('\n', section.Lines).Trim()))];
    }
}
