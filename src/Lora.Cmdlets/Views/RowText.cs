using System.Text;

namespace Lora.Commands;

/// <summary>A row's text as Lora.Format.ps1xml shows it, what is learned between two marks.</summary>
public static class RowText
{
    // Of a long stretch the ends: enough to see where learning begins and ends.
    private const int LongestStretch = 96;
    private const int KeptEnd = 36;
    private const int LongestLine = 320;
    private const char Left = '\u2026';
    private const string LineEnd = "\u21B5";
    private const string Tab = "    ";

    /// <summary>The text on one line: long stretches keep their beginning and their end, and what is beyond some hundred characters is left out.</summary>
    /// <param name="row">The row.</param>
    /// <param name="on">Begins what is learned: an escape sequence.</param>
    /// <param name="off">Ends it.</param>
    public static string Line(LoraDatasetRow row, string on, string off)
    {
        StringBuilder line = new();
        int shown = 0;
        foreach ((string text, bool isLearned) in Stretches(row))
        {
            if (shown > LongestLine)
            {
                return line.Append(Left).ToString();
            }

            string stretch = Plain(Shortened(text));
            shown += stretch.Length;
            line.Append(Marked(stretch, isLearned, on, off));
        }

        return line.ToString();
    }

    /// <summary>The whole text, on its lines.</summary>
    /// <param name="row">The row.</param>
    /// <param name="on">Begins what is learned: an escape sequence.</param>
    /// <param name="off">Ends it.</param>
    public static string Whole(LoraDatasetRow row, string on, string off) => string.Concat(
        Stretches(row).Select(stretch => string.Join('\n', stretch.Text.Split('\n').Select(line => Marked(Printable.Of(line), stretch.IsLearned, on, off)))));

    /// <summary>A text on one line.</summary>
    public static string Plain(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Printable.Of(text.ReplaceLineEndings(LineEnd));
    }

    /// <summary>A text on its lines, of which nothing steers the terminal.</summary>
    public static string Lines(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return string.Join('\n', text.ReplaceLineEndings("\n").Replace("\t", Tab, StringComparison.Ordinal).Split('\n').Select(Printable.Of));
    }

    private static IEnumerable<(string Text, bool IsLearned)> Stretches(LoraDatasetRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        int end = 0;
        foreach (LoraSupervisedRange range in row.Supervised)
        {
            yield return (row.Text[end..range.Start], false);
            yield return (range.Text, true);
            end = range.Start + range.Text.Length;
        }

        yield return (row.Text[end..], false);
    }

    private static string Marked(string text, bool isLearned, string on, string off) => isLearned && text.Length > 0 ? on + text + off : text;

    private static string Shortened(string text)
    {
        if (text.Length <= LongestStretch)
        {
            return text;
        }

        // Not between the halves of a character.
        int head = KeptEnd, tail = text.Length - KeptEnd;
        head -= char.IsHighSurrogate(text[head - 1]) ? 1 : 0;
        tail += char.IsLowSurrogate(text[tail]) ? 1 : 0;
        return $"{text.AsSpan(0, head)}{Left}{text.AsSpan(tail)}";
    }
}
