using System.Globalization;

namespace Lora.Selection;

/// <summary>
/// Python's <c>\w \d \s</c> in .NET's terms. Python's words are letters and numbers of any kind and the underscore, without the combining marks and
/// joining punctuation that .NET counts in; with <c>(?a)</c> all of them are those of ASCII.
/// </summary>
internal static class PatternClasses
{
    // Every category but those of letters and numbers; of the joining punctuation all but the underscore.
    private const string NoWord = @"\p{M}\p{S}\p{Z}\p{C}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}\u203F\u2040\u2054\uFE33\uFE34\uFE4D-\uFE4F\uFF3F";
    private const string NoSpace = @"\u0000-\u0008\u000E-\u001B\u0021-\u0084\u0086-\u009F\u00A1-\u167F\u1681-\u1FFF\u200B-\u2027\u202A-\u202E\u2030-\u205E\u2060-\u2FFF\u3001-\uFFFF";

    /// <summary>A class that stands by itself.</summary>
    public static PatternSet Alone(char escape, bool ascii)
    {
        string members = Members(char.ToLowerInvariant(escape), ascii);
        return new(char.IsAsciiLetterUpper(escape) ? $"[^{members}]" : $"[{members}]", character => Contains(escape, ascii, character));
    }

    /// <summary>The members of a class within brackets, where .NET has no complement but of its own classes.</summary>
    public static string InBrackets(char escape, bool ascii) => escape switch
    {
        'W' => ascii ? @"\u0000-\u002F\u003A-\u0040\u005B-\u005E\u0060\u007B-\uFFFF" : NoWord,
        'D' => ascii ? @"\u0000-\u002F\u003A-\uFFFF" : @"\D",
        'S' => ascii ? @"\u0000-\u0008\u000E-\u001F\u0021-\uFFFF" : NoSpace,
        _ => Members(escape, ascii),
    };

    /// <summary>Whether a class has a character beyond U+FFFF, where there are no spaces.</summary>
    public static bool Contains(char escape, bool ascii, int character)
    {
        bool isMember = !ascii && char.ToLowerInvariant(escape) switch
        {
            'w' => CharUnicodeInfo.GetUnicodeCategory(character) is <= UnicodeCategory.OtherLetter or (>= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber),
            'd' => CharUnicodeInfo.GetUnicodeCategory(character) == UnicodeCategory.DecimalDigitNumber,
            _ => false,
        };
        return isMember != char.IsAsciiLetterUpper(escape);
    }

    private static string Members(char escape, bool ascii) => (escape, ascii) switch
    {
        ('w', true) => "a-zA-Z0-9_",
        ('w', false) => @"\p{L}\p{N}_",
        ('d', true) => "0-9",
        ('d', false) => @"\d",
        ('s', true) => @"\u0009-\u000D\u0020",
        _ => @"\s\u001C-\u001F", // Python counts the four separators of ASCII among the spaces
    };
}
