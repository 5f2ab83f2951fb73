namespace Lora.Tools.Help;

/// <summary>An about_ topic as the text that Get-Help shows: headings at the margin, what they head indented, 80 columns.</summary>
public static class AboutTopic
{
    private const int Width = 80;
    private const int Indent = 4;

    /// <summary>Whether a markdown file is a topic.</summary>
    public static bool IsTopic(string path) => Path.GetFileName(path).StartsWith("about_", StringComparison.Ordinal);

    /// <summary>The name of the file that Get-Help looks for.</summary>
    public static string FileName(string path) => Path.GetFileNameWithoutExtension(path) + ".help.txt";

    /// <summary>The text of a topic.</summary>
    /// <exception cref="FormatException">There is no title, or a line of code is too wide.</exception>
    public static string Render(string markdown)
    {
        MarkdownSection page = MarkdownSection.Read(markdown, 1) is [MarkdownSection only] ? only : throw new FormatException("a topic has one title");
        List<string> lines = ["TOPIC", new string(' ', Indent) + page.Title];
        foreach (MarkdownSection section in MarkdownSection.Read(page.Body, 2))
        {
            lines.AddRange(["", section.Title.ToUpperInvariant()]);
            AddText(lines, MarkdownSection.Lead(section.Body, 3));
            foreach (MarkdownSection part in MarkdownSection.Read(section.Body, 3))
            {
                lines.AddRange(["", new string(' ', Indent / 2) + part.Title]);
                AddText(lines, part.Body);
            }
        }

        return string.Join('\n', lines) + '\n';
    }

    private static void AddText(List<string> lines, string markdown)
    {
        foreach ((int index, HelpParagraph paragraph) in HelpText.Paragraphs(markdown).Index())
        {
            int indent = paragraph.IsFixed ? 2 * Indent : Indent;
            lines.AddRange(Enumerable.Repeat("", Math.Min(index, 1)));
            lines.AddRange(paragraph.Wrap(Width - indent).Select(line => line.Length == 0 ? "" : new string(' ', indent) + line));
        }
    }
}
