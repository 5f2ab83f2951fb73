using System.Globalization;
using System.Text;

namespace Lora.Text.Jinja;

/// <summary>A string in quotes, with Python's escapes.</summary>
internal static class StringLiteral
{
    /// <param name="source">The template.</param>
    /// <param name="at">The place of the first quote.</param>
    /// <param name="line">Its line.</param>
    /// <param name="end">The place behind the last quote.</param>
    public static string Read(string source, int at, int line, out int end)
    {
        StringBuilder text = new();
        char quote = source[at];
        for (int next = at + 1; next < source.Length;)
        {
            char character = source[next++];
            if (character == quote)
            {
                end = next;
                return text.ToString();
            }

            if (character == '\\' && next < source.Length)
            {
                next = Escape(source, next, text, line);
            }
            else
            {
                text.Append(character);
            }
        }

        throw new JinjaFailure("a string is not closed", line);
    }

    private static int Escape(string source, int at, StringBuilder text, int line)
    {
        char kind = source[at];
        int digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            AppendCode(source, at + 1, digits, text, line);
            return at + 1 + digits;
        }

        if (kind is >= '0' and <= '7')
        {
            int end = at;
            int code = 0;
            for (; end < source.Length && end < at + 3 && source[end] is >= '0' and <= '7'; end++)
            {
                code = (code * 8) + (source[end] - '0');
            }

            text.Append((char)code);
            return end;
        }

        int simple = "ntrfbav\\'\"".IndexOf(kind, StringComparison.Ordinal);
        if (simple >= 0)
        {
            text.Append("\n\t\r\f\b\a\v\\'\""[simple]);
        }
        // Python keeps the backslash of what is no escape, and drops one at the end of a line with the line break.
        else if (kind != '\n')
        {
            text.Append('\\').Append(kind);
        }

        return at + 1;
    }

    private static void AppendCode(string source, int at, int digits, StringBuilder text, int line)
    {
        if (at + digits > source.Length || !int.TryParse(source.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
            || code is < 0 or > 0x10FFFF)
        {
            throw new JinjaFailure("a string has an escape that is no character", line);
        }

        _ = code > char.MaxValue ? text.Append(char.ConvertFromUtf32(code)) : text.Append((char)code);
    }
}
