using System.Globalization;

namespace Lora.Selection;

/// <summary>What a backslash in a Python pattern stands for: a character, a class (<c>\d</c>), a place (<c>\b</c>) or a group's text (<c>\1</c>).</summary>
internal readonly record struct PatternEscape(char? Character, string? Class = null, string? Place = null, int? Group = null)
{
    /// <summary>Reads what follows a backslash outside of brackets.</summary>
    public static PatternEscape Read(PatternCursor cursor, bool ascii)
    {
        char c = cursor.Next("it ends with a backslash");
        return c switch
        {
            'A' => new(null, Place: "\\A"),
            'b' or 'B' => new(null, Place: PatternClasses.Boundary(c, ascii)),
            'd' or 'D' or 's' or 'S' or 'w' or 'W' => new(null, Class: PatternClasses.Alone(c, ascii)),
            'Z' => new(null, Place: "\\z"),
            >= '1' and <= '9' => Numbered(cursor, c),
            _ => ReadCommon(cursor, c),
        };
    }

    /// <summary>Reads what follows a backslash within brackets.</summary>
    public static PatternEscape ReadInBrackets(PatternCursor cursor, bool ascii)
    {
        char c = cursor.Next("it ends with a backslash");
        return c switch
        {
            'b' => new('\b'),
            'd' or 'D' or 's' or 'S' or 'w' or 'W' => new(null, Class: PatternClasses.InBrackets(c, ascii)),
            >= '1' and <= '7' => Octal(cursor, c + cursor.While(IsOctal, atMost: 2)),
            _ => ReadCommon(cursor, c),
        };
    }

    private static PatternEscape ReadCommon(PatternCursor cursor, char c) => c switch
    {
        'a' => new('\a'),
        'f' => new('\f'),
        'n' => new('\n'),
        'r' => new('\r'),
        't' => new('\t'),
        'v' => new('\v'),
        'x' => Hexadecimal(cursor, 2),
        'u' => Hexadecimal(cursor, 4),
        'U' => Hexadecimal(cursor, 8),
        'N' => throw cursor.Error("a character by its Unicode name, \\N{...}, cannot be translated; write the character"),
        '0' => Octal(cursor, c + cursor.While(IsOctal, atMost: 2)),
        _ when char.IsAsciiLetterOrDigit(c) => throw cursor.Error($"Python has no escape \\{c}"),
        _ => new(c),
    };

    /// <summary>Three octal digits are a character, other numbers of one or two digits a group.</summary>
    private static PatternEscape Numbered(PatternCursor cursor, char first)
    {
        int start = cursor.Position;
        string octal = first + cursor.While(IsOctal, atMost: 2);
        if (octal.Length == 3 && IsOctal(first))
        {
            return Octal(cursor, octal);
        }

        cursor.Position = start;
        return new(null, Group: int.Parse(first + cursor.While(char.IsAsciiDigit, atMost: 1), CultureInfo.InvariantCulture));
    }

    private static PatternEscape Hexadecimal(PatternCursor cursor, int digits) =>
        new(cursor.Character(cursor.While(char.IsAsciiHexDigit, digits), NumberStyles.AllowHexSpecifier, digits));

    private static PatternEscape Octal(PatternCursor cursor, string digits)
    {
        int value = digits.Aggregate(0, (sum, digit) => (sum * 8) + (digit - '0'));
        return value <= 0xFF ? new((char)value) : throw cursor.Error($"the octal escape \\{digits} is above \\377");
    }

    private static bool IsOctal(char c) => c is >= '0' and <= '7';
}
