using System.Globalization;

namespace Lora.Selection;

/// <summary>A repetition: <c>*</c>, <c>+</c>, <c>?</c> or <c>{least,most}</c>, and how it goes about it.</summary>
/// <param name="Least">The fewest times.</param>
/// <param name="Most">The most times; null for any number.</param>
/// <param name="Mode">Nothing, <c>?</c> for as few as possible, <c>+</c> for as many as possible without giving back.</param>
internal sealed record PatternRepeat(int Least, int? Most, string Mode)
{
    /// <summary>The repetition without its mode, in .NET's spelling.</summary>
    public string Count => string.Create(CultureInfo.InvariantCulture, $"{{{Least},{Most}}}");

    /// <summary>Reads a repetition if one is next. Braces that are none are literals.</summary>
    public static PatternRepeat? TryRead(PatternCursor cursor)
    {
        int start = cursor.Position;
        (int Least, int? Most)? range = cursor.Peek switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            '{' => Braces(cursor),
            _ => null,
        };
        if (range is null)
        {
            cursor.Position = start;
            return null;
        }

        // Braces were read to their end above; a sign was only looked at.
        if (cursor.Position == start)
        {
            cursor.Position++;
        }

        string mode = cursor.Accept('?') ? "?" : cursor.Accept('+') ? "+" : "";
        return new(range.Value.Least, range.Value.Most, mode);
    }

    private static (int Least, int? Most)? Braces(PatternCursor cursor)
    {
        cursor.Position++;
        // To Python {} is two literals, while {,} is any number of times.
        if (cursor.Peek == '}')
        {
            return null;
        }

        string least = cursor.While(char.IsAsciiDigit);
        string most = cursor.Accept(',') ? cursor.While(char.IsAsciiDigit) : least;
        if (!cursor.Accept('}'))
        {
            return null;
        }

        // Python reads {,5} as none to five, .NET as four characters: Count writes the least too.
        int from = least.Length == 0 ? 0 : Number(cursor, least);
        int? to = most.Length == 0 ? null : Number(cursor, most);
        return from <= (to ?? from) ? (from, to) : throw cursor.Error("a repetition's least is above its most");
    }

    private static int Number(PatternCursor cursor, string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw cursor.Error("a repetition is too long");
}
