using System.Text;

namespace Lora.Text;

/// <summary>What characters decompose into, canonically or compatibly, and compose again.</summary>
internal sealed class UnicodeDecompositions
{
    private readonly CodePointMap<string> decompositions = new();
    private readonly CodePointMap<byte> classes = new();
    private readonly CodePointMap<bool> changesComposed = new();
    private readonly Dictionary<(int First, int Second), int> compositions = [];

    public UnicodeDecompositions(bool isCompatible)
    {
        UnicodeData data = UnicodeData.Instance;
        // Only the order of the combining classes counts: a line's number stands for the class.
        byte number = 0;
        foreach (IEnumerable<int> line in data.Lines("classes"))
        {
            number++;
            foreach (int codePoint in line)
            {
                classes[codePoint] = number;
                changesComposed[codePoint] = true;
            }
        }

        // Those of fewer characters first: a pair's first character may be composed itself.
        foreach ((int codePoint, string text) in data.Mappings("composed").OrderBy(mapping => mapping.Text.EnumerateRunes().Count()))
        {
            decompositions[codePoint] = text;
            (int first, int second) = Pair(text);
            compositions[(first, second)] = codePoint;
            changesComposed[second] = true;
        }

        foreach ((int codePoint, string text) in data.Mappings("decomposed").Concat(isCompatible ? data.Mappings("compatible") : []))
        {
            decompositions[codePoint] = text;
            changesComposed[codePoint] = true;
        }
    }

    /// <summary>Whether a character stays as it is whatever stands before it, and nothing before changes what comes after it.</summary>
    public bool IsStable(int codePoint, bool composes) => composes
        ? !changesComposed[codePoint] && !Hangul.IsSecond(codePoint)
        : classes[codePoint] == 0 && decompositions[codePoint] is null && !Hangul.IsSyllable(codePoint);

    /// <summary>Appends what a character decomposes into.</summary>
    public void Decompose(int codePoint, int origin, List<UnicodeForm.Mark> marks)
    {
        if (decompositions[codePoint] is string text)
        {
            foreach (Rune rune in text.EnumerateRunes())
            {
                marks.Add(new(rune.Value, classes[rune.Value], origin));
            }
        }
        else if (Hangul.IsSyllable(codePoint))
        {
            foreach (int part in Hangul.Decompose(codePoint))
            {
                marks.Add(new(part, 0, origin));
            }
        }
        else
        {
            marks.Add(new(codePoint, classes[codePoint], origin));
        }
    }

    /// <summary>Composes, in place, each beginning with the marks after it that nothing of their class or a higher one comes before.</summary>
    public void Compose(List<UnicodeForm.Mark> marks)
    {
        const int None = -1;
        int starter = None;
        int last = None;
        int count = 0;
        for (int index = 0; index < marks.Count; index++)
        {
            UnicodeForm.Mark mark = marks[index];
            bool isNext = starter != None && (last == None || last < mark.Class);
            if (isNext && Composed(marks[starter].CodePoint, mark.CodePoint) is int composed and not None)
            {
                // What went into the composed character no longer bars those behind it: last stays.
                marks[starter] = marks[starter] with { CodePoint = composed };
                continue;
            }

            (starter, last) = mark.Class == 0 ? (count, None) : (starter, mark.Class);
            marks[count++] = mark;
        }

        marks.RemoveRange(count, marks.Count - count);
    }

    private int Composed(int first, int second) =>
        compositions.TryGetValue((first, second), out int composed) ? composed : Hangul.Compose(first, second);

    /// <summary>The two characters that compose into one whose whole decomposition is given.</summary>
    private (int First, int Second) Pair(string text)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        int first = runes[0].Value;
        foreach (Rune rune in runes.AsSpan(1, runes.Length - 2))
        {
            first = compositions[(first, rune.Value)];
        }

        return (first, runes[^1].Value);
    }
}
