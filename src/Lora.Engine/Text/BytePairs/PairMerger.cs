namespace Lora.Text;

/// <summary>
/// Byte-pair encoding of one word (Sennrich et al. 2016): the neighbours with the merge of lowest rank, leftmost first, become one token,
/// until no neighbours have a merge.
/// </summary>
internal static class PairMerger
{
    // Up to this length looking at every pair again is faster than keeping a queue.
    private const int LongestScan = 48;

    /// <summary>Merges the symbols in place and returns how many tokens are left at the front.</summary>
    public static int Merge(Span<int> symbols, PairMerges merges) =>
        symbols.Length <= LongestScan ? MergeByScan(symbols, merges) : MergeByQueue(symbols, merges);

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
