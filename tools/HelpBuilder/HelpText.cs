using System.Text.RegularExpressions;

namespace Lora.Tools.Help;

/// <summary>Markdown as plain text: a terminal shows no backticks, and its tables are columns.</summary>
internal static partial class HelpText
{
    /// <summary>The paragraphs of a text.</summary>
    public static IReadOnlyList<HelpParagraph> Paragraphs(string markdown)
    {
        List<HelpParagraph> paragraphs = [];
        string[] parts = $"\n{markdown}".Split("\n```");
        for (int index = 0; index < parts.Length; index++)
        {
            // Every second part is a fenced block, whose first line names its language.
            IEnumerable<HelpParagraph> found = index % 2 == 1 ? [new(parts[index].Split('\n')[1..], IsFixed: true)] : Prose(parts[index]);
            paragraphs.AddRange(found);
        }

        return paragraphs;
    }

    /// <summary>One line without markdown's signs.</summary>
    public static string Plain(string line) => Code().Replace(Link().Replace(line, LinkText), "$1");

    private static IEnumerable<HelpParagraph> Prose(string markdown)
    {
        foreach (string block in BlankLines().Split(markdown.Trim('\n')).Where(block => block.Length > 0))
        {
            string[] lines = block.Split('\n');
            yield return lines[0].StartsWith('|') ? new(Columns(lines), IsFixed: true)
                : lines[0].StartsWith("- ", StringComparison.Ordinal) ? new(Items(block), IsFixed: false)
                : new([Plain(string.Join(' ', lines.Select(line => line.Trim())))], IsFixed: false);
        }
    }

    private static string[] Items(string block) =>
        [.. $"\n{block}".Split("\n- ", StringSplitOptions.RemoveEmptyEntries).Select(item => "- " + Plain(Spaces().Replace(item.Trim(), " ")))];

    private static string[] Columns(string[] lines)
    {
        string[][] rows = [.. lines.Where(line => !Rule().IsMatch(line)).Select(line => line.Trim().Trim('|').Split('|').Select(cell => Plain(cell.Trim())).ToArray())];
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        return [.. rows.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd())];
    }

    private static string LinkText(Match match) =>
        match.Groups[2].Value.Contains("://", StringComparison.Ordinal) ? $"{match.Groups[1].Value} ({match.Groups[2].Value})" : match.Groups[1].Value;

    [GeneratedRegex(@"\[([^\]]+)\]\(([^)]*)\)")]
    private static partial Regex Link();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^\|[-| :]+\|$")]
    private static partial Regex Rule();

    [GeneratedRegex(@"\n\s*\n")]
    private static partial Regex BlankLines();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
