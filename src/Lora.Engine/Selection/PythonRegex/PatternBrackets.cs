using System.Globalization;
using System.Text;

namespace Lora.Selection;

/// <summary>Translates <c>[...]</c>. Every character but letters and digits is written by its number, so that .NET's own bracket syntax has no part in it.</summary>
internal static class PatternBrackets
{
    private const string Unterminated = "a [ is not closed";

    /// <summary>Reads up to the closing bracket; the opening one is read already.</summary>
    public static string Translate(PatternCursor cursor, bool ascii)
    {
        StringBuilder output = new("[");
        if (cursor.Accept('^'))
        {
            output.Append('^');
        }

        bool first = true;
        while (first || !cursor.Accept(']'))
        {
            first = false;
            PatternEscape low = Member(cursor, ascii);
            output.Append(Text(low));
            if (!cursor.Accept('-'))
            {
                continue;
            }

            if (cursor.Accept(']'))
            {
                output.Append(Number('-'));
                break;
            }

            output.Append('-').Append(Text(High(cursor, low, ascii)));
        }

        return output.Append(']').ToString();
    }

    private static PatternEscape Member(PatternCursor cursor, bool ascii)
    {
        char c = cursor.Next(Unterminated);
        return c == '\\' ? PatternEscape.ReadInBrackets(cursor, ascii) : new(c);
    }

    private static PatternEscape High(PatternCursor cursor, PatternEscape low, bool ascii)
    {
        PatternEscape high = Member(cursor, ascii);
        return low.Character is char from && high.Character is char to && from <= to
            ? high
            : throw cursor.Error("a range within [ ] is not one character to a later one");
    }

    private static string Text(PatternEscape member) => member.Class ?? Number(member.Character!.Value);

    private static string Number(char c) =>
        char.IsAsciiLetterOrDigit(c) ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
}
