using System.Globalization;

namespace Lora.Selection;

/// <summary>A place in a pattern, and the errors that are found there.</summary>
/// <param name="text">The pattern that is read.</param>
/// <param name="shown">The user's part of it, which messages name.</param>
internal sealed class PatternCursor(string text, string shown)
{
    private const int MostShown = 200;
    private const int Last = 0x10FFFF;

    /// <summary>The user's part of the pattern.</summary>
    public string Shown => shown;

    public int Position { get; set; }

    public bool AtEnd => Position == text.Length;

    /// <summary>The next character, or NUL at the end.</summary>
    public char Peek => AtEnd ? '\0' : text[Position];

    /// <summary>Reads a character, also one beyond U+FFFF.</summary>
    public int Next(string missing)
    {
        if (AtEnd)
        {
            throw Error(missing);
        }

        bool isPair = Position + 1 < text.Length && char.IsSurrogatePair(text, Position);
        int character = isPair ? char.ConvertToUtf32(text, Position) : text[Position];
        Position += isPair ? 2 : 1;
        return character;
    }

    public bool Accept(char wanted)
    {
        bool accepted = !AtEnd && text[Position] == wanted;
        Position += accepted ? 1 : 0;
        return accepted;
    }

    /// <summary>Reads up to a character, which is consumed too.</summary>
    public string Until(char end, string missing)
    {
        int found = text.IndexOf(end, Position);
        if (found < 0)
        {
            throw Error(missing);
        }

        string read = text[Position..found];
        Position = found + 1;
        return read;
    }

    /// <summary>Reads the characters that a condition holds for, at most so many.</summary>
    public string While(Func<char, bool> condition, int atMost = int.MaxValue)
    {
        int start = Position;
        while (!AtEnd && Position - start < atMost && condition(text[Position]))
        {
            Position++;
        }

        return text[start..Position];
    }

    public LoraException Error(string reason) => LoraException.Of(
        LoraError.PatternInvalid, shown, shown.Length > MostShown ? $"{shown.AsSpan(0, MostShown)}..." : shown, reason);

    /// <summary>A character's value from digits, as the escapes give it.</summary>
    public int Character(string digits, NumberStyles style, int length)
    {
        // Unsigned: an int of the eight hex digits of \U may be negative, and so below the last character.
        if (digits.Length != length || !uint.TryParse(digits, style, CultureInfo.InvariantCulture, out uint value))
        {
            throw Error("an escape by number is incomplete");
        }

        return value <= Last ? (int)value : throw Error("there is no character above U+10FFFF");
    }
}
