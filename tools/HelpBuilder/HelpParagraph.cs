namespace Lora.Tools.Help;

/// <summary>Lines that belong together.</summary>
/// <param name="Lines">The lines: one of prose, the items of a list, or those of code and tables.</param>
/// <param name="IsFixed">Whether the lines stay as they are; others are wrapped.</param>
internal sealed record HelpParagraph(IReadOnlyList<string> Lines, bool IsFixed)
{
    private const string Item = "- ";

    /// <summary>The lines, none wider than the width.</summary>
    /// <exception cref="FormatException">A fixed line or a word is wider.</exception>
    public IEnumerable<string> Wrap(int width) => Lines.SelectMany(line => IsFixed ? [line] : Wrap(line, width))
        .Select(line => line.Length <= width ? line : throw new FormatException($"the line '{line}' is wider than {width} characters"));

    private static IEnumerable<string> Wrap(string line, int width)
    {
        string indent = line.StartsWith(Item, StringComparison.Ordinal) ? "  " : "";
        string current = "";
        foreach (string word in line.Split(' '))
        {
            if (current.Length > 0 && current.Length + 1 + word.Length > width)
            {
                yield return current;
                current = indent + word;
            }
            else
            {
                current += current.Length == 0 ? word : " " + word;
            }
        }

        yield return current;
    }
}
