using System.Globalization;

namespace Lora.Selection;

/// <summary>What a backslash in a Python pattern stands for: a character, a class (<c>\d</c>), a place (<c>\b</c>) or a group's text (<c>\1</c>).</summary>
/// <param name="Character">The character.</param>
/// <param name="Class">The letter of the class.</param>
/// <param name="Place">The letter of the place.</param>
/// <param name="Group">The group's number.</param>
internal readonly record struct PatternEscape(int? Character, char? Class = null, char? Place = null, int? Group = null)
{
    private const string NothingFollows = "it ends with a backslash";

    /// <summary>Reads what follows a backslash outside of brackets.</summary>
    public static PatternEscape Read(PatternCursor cursor)
    {
        int c = cursor.Next(NothingFollows);
        return c switch
        {
            'A' or 'b' or 'B' or 'Z' => new(null, Place: (char)c),
            'd' or 'D' or 's' or 'S' or 'w' or 'W' => new(null, Class: (char)c),
            >= '1' and <= '9' => Numbered(cursor, (char)c),
            _ => ReadCommon(cursor, c),
        };
    }

    /// <summary>Reads what follows a backslash within brackets.</summary>
    public static PatternEscape ReadInBrackets(PatternCursor cursor)
    {
        int c = cursor.Next(NothingFollows);
        return c switch
        {
            'b' => new('\b'),
            'd' or 'D' or 's' or 'S' or 'w' or 'W' => new(null, Class: (char)c),
            >= '1' and <= '7' => Octal(cursor, (char)c + cursor.While(IsOctal, atMost: 2)),
            _ => ReadCommon(cursor, c),
        };
    }

    private static PatternEscape ReadCommon(PatternCursor cursor, int c) => c switch
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
        'N' => throw Named(cursor),
        '0' => Octal(cursor, (char)c + cursor.While(IsOctal, atMost: 2)),
        < 128 when char.IsAsciiLetterOrDigit((char)c) => throw cursor.Error($"Python has no escape \\{(char)c}"),
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

    // Python looks the name up in a table that .NET does not have.
    private static LoraException Named(PatternCursor cursor) => cursor.Accept('{')
        ? cursor.Error($"the character of the name '{cursor.Until('}', "the name after \\N is not closed")}' (\\N) cannot be looked up; write the character itself, or its number as \\uXXXX or \\UXXXXXXXX")
        : cursor.Error("after \\N Python has only {name}");

    private static PatternEscape Hexadecimal(PatternCursor cursor, int digits) =>
        new(cursor.Character(cursor.While(char.IsAsciiHexDigit, digits), NumberStyles.AllowHexSpecifier, digits));

    private static PatternEscape Octal(PatternCursor cursor, string digits)
    {
        int value = digits.Aggregate(0, (sum, digit) => (sum * 8) + (digit - '0'));
        return value <= 0xFF ? new((char)value) : throw cursor.Error($"the octal escape \\{digits} is above \\377");
    }

    private static bool IsOctal(char c) => c is >= '0' and <= '7';
}
