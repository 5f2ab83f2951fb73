using System.Text;

namespace Lora.Text;

/// <summary>
/// One of Unicode's four normalization forms (Unicode Standard Annex 15), by our own tables: .NET's own forms need ICU, are as old as it is, and
/// without it leave every text as it was.
/// </summary>
/// <param name="tables">The decompositions of the form, made when a text needs them.</param>
/// <param name="composes">Whether what was decomposed is composed again.</param>
internal sealed class UnicodeForm(Lazy<UnicodeDecompositions> tables, bool composes)
{
    private static readonly Lazy<UnicodeDecompositions> Canonical = new(() => new(isCompatible: false));
    private static readonly Lazy<UnicodeDecompositions> Compatible = new(() => new(isCompatible: true));

    // Up to so many characters, which marks on one letter hardly ever are, the simple way to sort is the fast one.
    private const int FewMarks = 32;

    public static UnicodeForm C { get; } = new(Canonical, composes: true);

    public static UnicodeForm D { get; } = new(Canonical, composes: false);

    public static UnicodeForm KC { get; } = new(Compatible, composes: true);

    public static UnicodeForm KD { get; } = new(Compatible, composes: false);

    /// <summary>The text in this form. A stretch from one character that nothing combines with to the next is changed by itself.</summary>
    public AlignedText Apply(AlignedText text)
    {
        if (Ascii.IsValid(text.Text))
        {
            return text;
        }

        UnicodeDecompositions data = tables.Value;
        AlignedTextBuilder? changed = null;
        List<Mark> marks = [];
        int kept = 0;
        int start = 0;
        for (int at = 0; at < text.Length;)
        {
            Rune rune = Rune.GetRuneAt(text.Text, at);
            if (data.IsStable(rune.Value, composes))
            {
                start = at;
                at += rune.Utf16SequenceLength;
                continue;
            }

            int end = at;
            while (end < text.Length && Rune.GetRuneAt(text.Text, end) is Rune next && !data.IsStable(next.Value, composes))
            {
                end += next.Utf16SequenceLength;
            }

            changed ??= new(text);
            changed.Keep(kept, start);
            Decompose(text.Text, start, end, marks, data);
            Sort(marks);
            if (composes)
            {
                data.Compose(marks);
            }

            Write(marks, changed);
            kept = start = at = end;
        }

        changed?.Keep(kept, text.Length);
        return changed?.ToText() ?? text;
    }

    private static void Decompose(string text, int start, int end, List<Mark> marks, UnicodeDecompositions data)
    {
        marks.Clear();
        for (int at = start; at < end;)
        {
            Rune rune = Rune.GetRuneAt(text, at);
            data.Decompose(rune.Value, at, marks);
            at += rune.Utf16SequenceLength;
        }
    }

    /// <summary>Puts runs of marks into the order of their classes; those of one class keep theirs.</summary>
    private static void Sort(List<Mark> marks)
    {
        for (int start = 0, end; start < marks.Count; start = end + 1)
        {
            end = start;
            while (end < marks.Count && marks[end].Class > 0)
            {
                end++;
            }

            if (end - start > FewMarks)
            {
                Mark[] sorted = [.. marks[start..end].OrderBy(mark => mark.Class)];
                sorted.CopyTo(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(marks)[start..]);
                continue;
            }

            for (int next = start + 1; next < end; next++)
            {
                for (int place = next; place > start && marks[place - 1].Class > marks[place].Class; place--)
                {
                    (marks[place - 1], marks[place]) = (marks[place], marks[place - 1]);
                }
            }
        }
    }

    private static void Write(List<Mark> marks, AlignedTextBuilder changed)
    {
        Span<char> characters = stackalloc char[2];
        foreach (Mark mark in marks)
        {
            int count = new Rune(mark.CodePoint).EncodeToUtf16(characters);
            changed.Write(characters[..count], mark.Origin);
        }
    }

    /// <summary>A decomposed character.</summary>
    /// <param name="CodePoint">Its code point.</param>
    /// <param name="Class">Its combining class' number; 0 for what begins a character.</param>
    /// <param name="Origin">The place in the text that it is from.</param>
    internal readonly record struct Mark(int CodePoint, byte Class, int Origin);
}
