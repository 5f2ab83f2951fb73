namespace Lora.Text;

/// <summary>The symbols of a long word as a linked list, with a queue of the merges that are possible, best first.</summary>
internal sealed class SymbolChain
{
    private const int None = -1;

    private readonly int[] _symbols;
    private readonly int[] _previous;
    private readonly int[] _next;
    private readonly PairMerges _merges;
    private readonly PriorityQueue<Candidate, long> _queue = new();

    /// <summary>Takes the symbols, which are changed, and queues every pair that has a merge.</summary>
    public SymbolChain(int[] symbols, PairMerges merges)
    {
        _symbols = symbols;
        _merges = merges;
        _previous = [.. Enumerable.Range(None, symbols.Length)];
        _next = [.. Enumerable.Range(1, symbols.Length)];
        _next[^1] = None;
        for (int left = 0; left < symbols.Length; left++)
        {
            Enqueue(left);
        }
    }

    /// <summary>Does the best merge that is still possible; false when none is left.</summary>
    public bool MergeBest()
    {
        while (_queue.TryDequeue(out Candidate candidate, out _))
        {
            int left = candidate.Left;
            int right = candidate.Right;

            // A candidate is stale when an earlier merge took or changed one of its symbols.
            if (_next[left] != right || _symbols[left] != candidate.LeftSymbol || _symbols[right] != candidate.RightSymbol)
            {
                continue;
            }

            _symbols[left] = candidate.Merged;
            _next[left] = _next[right];
            _next[right] = None;
            if (_next[left] != None)
            {
                _previous[_next[left]] = left;
            }

            Enqueue(left);
            Enqueue(_previous[left]);
            return true;
        }

        return false;
    }

    /// <summary>Writes the symbols in order and returns their count.</summary>
    public int CopyTo(Span<int> symbols)
    {
        int count = 0;
        for (int index = 0; index != None; index = _next[index])
        {
            symbols[count++] = _symbols[index];
        }

        return count;
    }

    private void Enqueue(int left)
    {
        int right = left == None ? None : _next[left];
        if (right != None && _merges.TryFind(_symbols[left], _symbols[right], out PairMerges.Merge merge))
        {
            _queue.Enqueue(new(left, right, _symbols[left], _symbols[right], merge.Id), ((long)merge.Rank << 32) | (uint)left);
        }
    }

    private readonly record struct Candidate(int Left, int Right, int LeftSymbol, int RightSymbol, int Merged);
}
