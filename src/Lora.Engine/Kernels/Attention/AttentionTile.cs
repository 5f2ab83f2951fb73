namespace Lora.Kernels;

/// <summary>A block of queries of one document with the keys that any of them sees. Positions count from the document's first token.</summary>
/// <param name="QueryStart">Position of the first query.</param>
/// <param name="Queries">Number of queries.</param>
/// <param name="KeyStart">Position of the first key.</param>
/// <param name="Keys">Number of keys; the last one is at the last query's position.</param>
/// <param name="Window">How many keys a query sees, itself included.</param>
internal readonly record struct AttentionTile(int QueryStart, int Queries, int KeyStart, int Keys, int Window)
{
    /// <summary>The first and the last but one column that a query sees.</summary>
    /// <param name="query">Index within the tile.</param>
    public (int Begin, int End) Visible(int query)
    {
        // Columns of the tile: key positions less the first key's.
        int end = QueryStart + query + 1 - KeyStart;
        return (Math.Max(0, end - Window), end);
    }

    /// <summary>Cuts a document into blocks of queries.</summary>
    /// <param name="length">Tokens of the document.</param>
    /// <param name="window">How many keys a query sees; null for all before it.</param>
    /// <param name="size">Queries of a block.</param>
    public static IEnumerable<AttentionTile> Of(int length, int? window, int size)
    {
        // Without a window a query reaches to the document's first token.
        int reach = window ?? length;
        for (int start = 0; start < length; start += size)
        {
            int end = Math.Min(length, start + size);

            // The first query of the tile sees furthest back; the last one sees itself at the most.
            int first = Math.Max(0, start + 1 - reach);
            yield return new(start, end - start, first, end - first, reach);
        }
    }
}
