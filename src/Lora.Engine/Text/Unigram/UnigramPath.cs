using System.Buffers;

namespace Lora.Text;

/// <summary>The best way to write a word as tokens, found from left to right (Viterbi 1967): for each place the best token that ends there.</summary>
/// <param name="trie">The tokens.</param>
/// <param name="scores">Their scores, by id.</param>
/// <param name="unknown">The id of characters that are no token by themselves, or <see cref="PieceTrie.Absent"/>.</param>
internal sealed class UnigramPath(PieceTrie trie, double[] scores, int unknown)
{
    // SentencePiece's kUnkPenalty: an unknown character is this much worse than the worst token.
    private const double UnknownPenalty = 10;

    private const int Unreached = -1;

    private readonly double unknownScore = scores.DefaultIfEmpty(0).Min() - UnknownPenalty;

    /// <summary>Writes the tokens of the best way, unknown ones in a row as one; their count, or -1 where a character has no token and unknown ones have no id.</summary>
    public int Find(ReadOnlySpan<char> word, Span<Step> steps)
    {
        Ending[] endings = ArrayPool<Ending>.Shared.Rent(word.Length + 1);
        endings.AsSpan(0, word.Length + 1).Fill(new(0, Unreached, 0));
        int count = Advance(word, endings) ? Collect(endings, word.Length, steps) : -1;
        ArrayPool<Ending>.Shared.Return(endings);
        return count;
    }

    private bool Advance(ReadOnlySpan<char> word, Ending[] endings)
    {
        int next;
        for (int start = 0; start < word.Length; start = next)
        {
            next = start + (char.IsHighSurrogate(word[start]) && start + 1 < word.Length ? 2 : 1);
            double here = endings[start].Score;
            bool hasCharacter = false;
            int node = PieceTrie.Root;
            for (int end = start; end < word.Length && (node = trie.Step(node, word[end])) != PieceTrie.Absent;)
            {
                end++;
                if (trie.IdAt(node) is int id and not PieceTrie.Absent)
                {
                    Offer(ref endings[end], here + scores[id], start, id);
                    hasCharacter |= end == next;
                }
            }

            // As in SentencePiece, the unknown token is a way only where no token is exactly this character.
            if (!hasCharacter)
            {
                if (unknown == PieceTrie.Absent)
                {
                    return false;
                }

                Offer(ref endings[next], here + unknownScore, start, unknown);
            }
        }

        return true;
    }

    /// <summary>The first of equals stays.</summary>
    private static void Offer(ref Ending ending, double score, int start, int id)
    {
        if (ending.Start == Unreached || score > ending.Score)
        {
            ending = new(score, start, id);
        }
    }

    private int Collect(Ending[] endings, int end, Span<Step> steps)
    {
        int count = 0;
        while (end > 0)
        {
            Ending ending = endings[end];
            if (count == 0 || ending.Id != unknown || steps[count - 1].Id != unknown)
            {
                steps[count++] = new(end, ending.Id);
            }

            end = ending.Start;
        }

        steps[..count].Reverse();
        return count;
    }

    /// <summary>A token of the way.</summary>
    /// <param name="End">The place after its last character.</param>
    /// <param name="Id">Its id.</param>
    internal readonly record struct Step(int End, int Id);

    /// <summary>The best way to a place: its score, and the last token's beginning and id.</summary>
    private readonly record struct Ending(double Score, int Start, int Id);
}
