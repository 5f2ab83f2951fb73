namespace Lora.Selection;

/// <summary>
/// Python's <c>\w \d \s \b</c> in .NET's terms. Python's words are letters and numbers of any kind and the underscore, without the combining marks and
/// joining punctuation that .NET counts in; with <c>(?a)</c> all of them are those of ASCII.
/// </summary>
internal static class PatternClasses
{
    /// <summary>A class that stands by itself.</summary>
    public static string Alone(char escape, bool ascii) =>
        char.IsAsciiLetterUpper(escape) ? $"[^{Members(char.ToLowerInvariant(escape), ascii)}]" : $"[{Members(escape, ascii)}]";

    /// <summary>The members of a class within brackets; .NET has no complement there, so outside of ASCII its own negated classes serve.</summary>
    public static string InBrackets(char escape, bool ascii) => escape switch
    {
        'W' => ascii ? @"\u0000-\u002F\u003A-\u0040\u005B-\u005E\u0060\u007B-\uFFFF" : @"\W",
        'D' => ascii ? @"\u0000-\u002F\u003A-\uFFFF" : @"\D",
        'S' => ascii ? @"\u0000-\u0008\u000E-\u001F\u0021-\uFFFF" : @"\S",
        _ => Members(escape, ascii),
    };

    /// <summary><c>\b</c>, or <c>\B</c>, which in Python does not match an empty text.</summary>
    public static string Boundary(char escape, bool ascii)
    {
        string word = Alone('w', ascii);
        return escape == 'b' ? $"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))" : $@"(?:(?!\A\z)(?:(?<={word})(?={word})|(?<!{word})(?!{word})))";
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
