namespace Lora.Text;

/// <summary>
/// Where a text may be cut without changing its tokens. SentencePiece-style files have no pre-tokenizer, so a whole document is one word;
/// but where no vocabulary entry holds a space mark after another character, no merge can reach across the beginning of a run of marks.
/// Entries that do (Gemma has one) forbid the cut only at the places where they stand.
/// </summary>
internal sealed class WordCuts
{
    private const char Mark = '▁';
    private const int MostCrossings = 64;

    private readonly List<(string Entry, int Offset)> crossings = [];

    private WordCuts(IEnumerable<string> entries)
    {
        foreach (string entry in entries)
        {
            for (int offset = 1; offset < entry.Length; offset++)
            {
                if (StartsRun(entry, offset))
                {
                    crossings.Add((entry, offset));
                }
            }
        }
    }

    /// <summary>The cuts of a vocabulary, or null where too many of its entries reach across words for cutting to pay.</summary>
    public static WordCuts? Of(IReadOnlyDictionary<string, int> vocabulary)
    {
        if (!vocabulary.ContainsKey(Mark.ToString()))
        {
            return null;
        }

        WordCuts cuts = new(vocabulary.Keys);
        return cuts.crossings.Count <= MostCrossings ? cuts : null;
    }

    /// <summary>The end of the word that begins at a place.</summary>
    public int EndOfWord(string text, int start)
    {
        int end = start + 1;
        while (end < text.Length && !(StartsRun(text, end) && IsSafe(text, end)))
        {
            end++;
        }

        return end;
    }

    private static bool StartsRun(string text, int position) => text[position] == Mark && text[position - 1] != Mark;

    private bool IsSafe(string text, int position)
    {
        foreach ((string entry, int offset) in crossings)
        {
            int start = position - offset;
            if (start >= 0 && text.AsSpan(start).StartsWith(entry, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }
}
