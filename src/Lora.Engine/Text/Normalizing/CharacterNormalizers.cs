using System.Text;

namespace Lora.Text;

/// <summary>The normalizers that look at one character after the other.</summary>
internal static class CharacterNormalizers
{
    private const int Dropped = -1;

    // The one character with a small letter of two characters.
    private const char CapitalIWithDot = '\u0130';
    private const string SmallIWithDot = "i\u0307";

    private static readonly Lazy<CodePointMap<int>> SmallLetters = new(ReadSmallLetters);

    /// <summary>Capital letters become small ones.</summary>
    public static AlignedText Lowercase(AlignedText text)
    {
        if (!text.Text.Contains(CapitalIWithDot, StringComparison.Ordinal))
        {
            return Map(text, Lower);
        }

        AlignedTextBuilder changed = new(text);
        for (int at = 0; at < text.Length;)
        {
            Rune rune = Rune.GetRuneAt(text.Text, at);
            changed.Write(rune.Value == CapitalIWithDot ? SmallIWithDot : new Rune(Lower(rune.Value)).ToString(), at);
            at += rune.Utf16SequenceLength;
        }

        return changed.ToText();
    }

    /// <summary>All marks are dropped; letters that hold one keep it unless the text was decomposed before.</summary>
    public static AlignedText StripAccents(AlignedText text) => Map(text, static code => CharacterClass.Mark.Contains(code) ? Dropped : code);

    /// <summary>White space is taken off the ends; at a place that goes on a text it is a part of it.</summary>
    public static AlignedText Strip(AlignedText text, bool left, bool right)
    {
        int start = left ? text.Length - text.Text.AsSpan().TrimStart().Length : 0;
        int end = right ? Math.Max(start, text.Text.AsSpan().TrimEnd().Length) : text.Length;
        return text[start..end];
    }

    /// <summary>The rules of SentencePiece's "nmt": ASCII's controls are dropped, and more kinds of white space become spaces.</summary>
    public static AlignedText Nmt(AlignedText text) => Map(text, static code => code switch
    {
        (>= 0x01 and <= 0x08) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or 0x8F or 0x9F => Dropped,
        0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD => ' ',
        _ => code,
    });

    /// <summary>The steps of BERT's normalizer, each of which a file may turn off.</summary>
    public static AlignedText Bert(AlignedText text, bool cleans, bool spacesIdeographs, bool stripsAccents, bool lowercases)
    {
        text = cleans ? Map(text, Clean) : text;
        // ASCII has neither ideographs nor accents, and most texts are nothing else.
        if (Ascii.IsValid(text.Text))
        {
            return lowercases ? Map(text, Lower) : text;
        }

        text = spacesIdeographs ? SpaceIdeographs(text) : text;
        text = stripsAccents ? Map(UnicodeForm.D.Apply(text), static code => CharacterClass.Accent.Contains(code) ? Dropped : code) : text;
        return lowercases ? Lowercase(text) : text;
    }

    private static int Clean(int code) =>
        code is '\t' or '\n' or '\r' ? ' '
        : code is >= ' ' and <= '~' ? code
        : CharacterClass.Control.Contains(code) ? Dropped
        : Rune.IsWhiteSpace(new(code)) ? ' '
        : code;

    private static int Lower(int code) =>
        code is >= 'A' and <= 'Z' ? code | 0x20 : code < 0x80 || SmallLetters.Value[code] is 0 ? code : SmallLetters.Value[code];

    private static CodePointMap<int> ReadSmallLetters()
    {
        CodePointMap<int> letters = new();
        foreach ((int codePoint, string text) in UnicodeData.Instance.Mappings("lower"))
        {
            letters[codePoint] = char.ConvertToUtf32(text, 0);
        }

        return letters;
    }

    private static AlignedText SpaceIdeographs(AlignedText text)
    {
        AlignedTextBuilder? changed = null;
        int kept = 0;
        for (int at = 0; at < text.Length;)
        {
            Rune rune = Rune.GetRuneAt(text.Text, at);
            int end = at + rune.Utf16SequenceLength;
            if (IsIdeograph(rune.Value))
            {
                changed ??= new(text);
                changed.Keep(kept, at);
                changed.Write([' ', .. text.Text.AsSpan(at..end), ' '], at);
                kept = end;
            }

            at = end;
        }

        changed?.Keep(kept, text.Length);
        return changed?.ToText() ?? text;
    }

    /// <summary>The blocks of Chinese characters, which BERT takes for words of their own.</summary>
    private static bool IsIdeograph(int code) => code is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
        or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

    /// <summary>Replaces each code point by another, or by nothing.</summary>
    private static AlignedText Map(AlignedText text, Func<int, int> map)
    {
        AlignedTextBuilder? changed = null;
        int kept = 0;
        Span<char> written = stackalloc char[2];
        for (int at = 0; at < text.Length;)
        {
            char first = text.Text[at];
            int code = char.IsHighSurrogate(first) ? char.ConvertToUtf32(text.Text, at) : first;
            int end = at + (code > char.MaxValue ? 2 : 1);
            int mapped = map(code);
            if (mapped != code)
            {
                changed ??= new(text);
                changed.Keep(kept, at);
                if (mapped != Dropped)
                {
                    changed.Write(written[..new Rune(mapped).EncodeToUtf16(written)], at);
                }

                kept = end;
            }

            at = end;
        }

        changed?.Keep(kept, text.Length);
        return changed?.ToText() ?? text;
    }
}
