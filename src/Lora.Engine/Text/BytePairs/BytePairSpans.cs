using System.Text;

namespace Lora.Text;

/// <summary>Which characters of a word each of its tokens stands for, told from the tokens: they spell the word but for unknown characters and bytes.</summary>
internal sealed class BytePairSpans
{
    private readonly Vocabulary vocabulary;
    private readonly Dictionary<int, string> tokens;
    private readonly int unknown;
    private readonly bool fuseUnknown;

    public BytePairSpans(Vocabulary vocabulary, int unknown, bool fuseUnknown)
    {
        this.vocabulary = vocabulary;
        this.unknown = unknown;
        this.fuseUnknown = fuseUnknown;
        tokens = new(vocabulary.Ids.Count);
        foreach ((string token, int id) in vocabulary.Ids)
        {
            tokens[id] = token;
        }
    }

    /// <summary>Appends the stretch of each id. The bytes of a character each stand for the whole of it.</summary>
    public void Add(string word, ReadOnlySpan<int> ids, List<TextSpan> spans)
    {
        int at = 0;
        int bytesLeft = 0;
        foreach (int id in ids)
        {
            string token = tokens[id];
            int end;
            if (bytesLeft == 0 && word.AsSpan(at).StartsWith(token, StringComparison.Ordinal))
            {
                end = at + token.Length;
            }
            else if (id == unknown)
            {
                end = EndOfUnknown(word, at);
            }
            else
            {
                end = EndOfRune(word, at);
                bytesLeft = (bytesLeft == 0 ? Utf8Length(word, at) : bytesLeft) - 1;
            }

            // A vocabulary may have a token of nothing, and bytes that no character has.
            int start = Math.Min(at, word.Length - 1);
            spans.Add(new(start, Math.Max(end, start + 1)));
            at = bytesLeft == 0 ? end : at;
        }
    }

    private int EndOfUnknown(string word, int at)
    {
        int end = EndOfRune(word, at);
        while (fuseUnknown && end < word.Length && EndOfRune(word, end) is int next && vocabulary.Find(word.AsSpan(end, next - end)) == Vocabulary.Absent)
        {
            end = next;
        }

        return end;
    }

    private static int EndOfRune(string word, int at) => at < word.Length ? at + Rune.GetRuneAt(word, at).Utf16SequenceLength : at;

    private static int Utf8Length(string word, int at) => at < word.Length ? Rune.GetRuneAt(word, at).Utf8SequenceLength : 1;
}
