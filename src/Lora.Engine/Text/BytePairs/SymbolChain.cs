namespace Lora.Text;

/// <summary>The symbols of a long word as a linked list, with a queue of the merges that are possible, best first.</summary>
internal sealed class SymbolChain
{
    private const int None = -1;

    private readonly int[] symbols;
    private readonly int[] previous;
    private readonly int[] next;
    private readonly PairMerges merges;
    private readonly PriorityQueue<Candidate, long> queue = new();

    /// <summary>Takes the symbols, which are changed, and queues every pair that has a merge.</summary>
    public SymbolChain(int[] symbols, PairMerges merges)
    {
        this.symbols = symbols;
        this.merges = merges;
        previous = [.. Enumerable.Range(None, symbols.Length)];
        next = [.. Enumerable.Range(1, symbols.Length)];
        next[^1] = None;
        for (int left = 0; left < symbols.Length; left++)
        {
            Enqueue(left);
        }
    }

    /// <summary>Does the best merge that is still possible; false when none is left.</summary>
    public bool MergeBest()
    {
        while (queue.TryDequeue(out Candidate candidate, out _))
        {
            int left = candidate.Left;
            int right = candidate.Right;

            // A candidate is stale when an earlier merge took or changed one of its symbols.
            if (next[left] != right || symbols[left] != candidate.LeftSymbol || symbols[right] != candidate.RightSymbol)
            {
                continue;
            }

            symbols[left] = candidate.Merged;
            next[left] = next[right];
            // A symbol that was taken leads nowhere, so that candidates that begin with it are seen to be stale.
            next[right] = None;
            if (next[left] != None)
            {
                previous[next[left]] = left;
            }

            Enqueue(left);
            Enqueue(previous[left]);
            return true;
        }

        return false;
    }

    /// <summary>Writes the symbols in order and returns their count.</summary>
    public int CopyTo(Span<int> destination)
    {
        int count = 0;
        for (int index = 0; index != None; index = next[index])
        {
            destination[count++] = symbols[index];
        }

        return count;
    }

    private void Enqueue(int left)
    {
        int right = left == None ? None : next[left];
        if (right != None && merges.TryFind(symbols[left], symbols[right], out PairMerges.Merge merge))
        {
            // Of merges of one rank the leftmost goes first, as in a short word.
            queue.Enqueue(new(left, right, symbols[left], symbols[right], merge.Id), ((long)merge.Rank << 32) | (uint)left);
        }
    }

    private readonly record struct Candidate(int Left, int Right, int LeftSymbol, int RightSymbol, int Merged);
}
