using System.Globalization;
using System.Text;

namespace Lora;

/// <summary>
/// Makes text that may come from files fit to be shown: characters that move a terminal's cursor, colour it or turn the direction of writing
/// are written as their codes, and text beyond some length is left out.
/// </summary>
public static class Printable
{
    /// <summary>The most characters that are shown of one text.</summary>
    public const int Longest = 4000;

    /// <summary>The text as it is shown.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ReadOnlySpan<char> shown = text.AsSpan(0, Math.Min(text.Length, Longest));
        StringBuilder printable = new(shown.Length);
        foreach (char character in shown)
        {
            if (IsSafe(character))
            {
                printable.Append(character);
            }
            else
            {
                printable.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            }
        }

        if (shown.Length < text.Length)
        {
            printable.Append(CultureInfo.InvariantCulture, $" ... ({text.Length - shown.Length} characters more)");
        }

        return printable.ToString();
    }

    /// <summary>Neither a control character, a separator of lines, nor one of the marks that reorder text (Unicode Standard Annex 9).</summary>
    private static bool IsSafe(char character) =>
        !char.IsControl(character) && character is not ('\u061C' or '\u200E' or '\u200F' or (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069'));
}
