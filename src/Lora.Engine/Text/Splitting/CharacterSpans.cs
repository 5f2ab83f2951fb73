using System.Text;

namespace Lora.Text;

/// <summary>A text as spans, by what each of its characters is.</summary>
internal static class CharacterSpans
{
    /// <summary>Each character that matches is a span, and so is each stretch between them.</summary>
    public static IEnumerable<PatternSpan> Of(string text, Predicate<Rune> isMatch)
    {
        int from = 0;
        for (int at = 0; at < text.Length;)
        {
            Rune rune = Rune.GetRuneAt(text, at);
            int end = at + rune.Utf16SequenceLength;
            if (isMatch(rune))
            {
                if (at > from)
                {
                    yield return new(from, at, IsMatch: false);
                }

                yield return new(at, end, IsMatch: true);
                from = end;
            }

            at = end;
        }

        if (text.Length > from)
        {
            yield return new(from, text.Length, IsMatch: false);
        }
    }

    /// <summary>Runs of word characters, and runs of others that are no white space, are spans between those of white space, which match.</summary>
    public static IEnumerable<PatternSpan> OfWords(string text)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            Kind kind = KindAt(text, start, out end);
            while (end < text.Length && KindAt(text, end, out int next) == kind)
            {
                end = next;
            }

            yield return new(start, end, kind == Kind.WhiteSpace);
        }
    }

    private static Kind KindAt(string text, int at, out int end)
    {
        Rune rune = Rune.GetRuneAt(text, at);
        end = at + rune.Utf16SequenceLength;
        return CharacterClass.Word.Contains(rune) ? Kind.Word : Rune.IsWhiteSpace(rune) ? Kind.WhiteSpace : Kind.Other;
    }

    private enum Kind
    {
        Word,
        WhiteSpace,
        Other,
    }
}
