namespace Lora.Text;

/// <summary>
/// Byte-pair encoding of one word (Sennrich et al. 2016): the neighbours with the merge of lowest rank, leftmost first, become one token,
/// until no neighbours have a merge.
/// </summary>
internal static class PairMerger
{
    // Up to this length looking at every pair again is faster than keeping a queue.
    private const int LongestScan = 48;

    // With longer tokens, which real vocabularies lack, looking at every end would cost more than the rest of the word.
    private const int LongestToken = 1024;

    /// <summary>Merges the symbols in place and returns how many tokens are left at the front.</summary>
    public static int Merge(Span<int> symbols, PairMerges merges) =>
        symbols.Length <= LongestScan ? MergeByScan(symbols, merges) : MergeByQueue(symbols, merges);

    /// <summary>
    /// The tokens that a word begins with, whatever its rest is. Where the whole word's tokens have a border no merge ever reached across it, so
    /// the symbols before a border become what they would become alone. One of the last places of the beginning is such a border, since no
    /// token is longer than the longest: what the beginnings that end at those places have in common is what the word begins with.
    /// </summary>
    /// <param name="beginning">The word's first symbols.</param>
    /// <param name="merges">The merges.</param>
    public static ReadOnlySpan<int> MergeBeginning(ReadOnlySpan<int> beginning, PairMerges merges)
    {
        ReadOnlySpan<int> certain = [];
        if (merges.Longest > Math.Min(LongestToken, beginning.Length))
        {
            return certain;
        }

        for (int end = beginning.Length; end > beginning.Length - merges.Longest; end--)
        {
            int[] symbols = beginning[..end].ToArray();
            ReadOnlySpan<int> tokens = symbols.AsSpan(0, Merge(symbols, merges));
            certain = end == beginning.Length ? tokens : certain[..certain.CommonPrefixLength(tokens)];
        }

        return certain;
    }

    private static int MergeByScan(Span<int> symbols, PairMerges merges)
    {
        Span<PairMerges.Merge> pairs = stackalloc PairMerges.Merge[LongestScan];
        int count = symbols.Length;
        for (int index = 0; index + 1 < count; index++)
        {
            pairs[index] = Find(symbols[index], symbols[index + 1], merges);
        }

        while (count > 1)
        {
            int best = 0;
            for (int index = 1; index + 1 < count; index++)
            {
                best = pairs[index].Rank < pairs[best].Rank ? index : best;
            }

            if (pairs[best].Rank == int.MaxValue)
            {
                break;
            }

            symbols[best] = pairs[best].Id;
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            pairs[(best + 1)..(count - 1)].CopyTo(pairs[best..]);
            count--;
            if (best + 1 < count)
            {
                pairs[best] = Find(symbols[best], symbols[best + 1], merges);
            }

            if (best > 0)
            {
                pairs[best - 1] = Find(symbols[best - 1], symbols[best], merges);
            }
        }

        return count;
    }

    private static int MergeByQueue(Span<int> symbols, PairMerges merges)
    {
        SymbolChain chain = new(symbols.ToArray(), merges);
        while (chain.MergeBest())
        {
        }

        return chain.CopyTo(symbols);
    }

    private static PairMerges.Merge Find(int left, int right, PairMerges merges) =>
        merges.TryFind(left, right, out PairMerges.Merge merge) ? merge : new(int.MaxValue, -1);
}
