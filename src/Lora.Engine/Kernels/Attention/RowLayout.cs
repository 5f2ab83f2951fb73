namespace Lora.Kernels;

/// <summary>
/// Documents laid into rows as long as the longest of them, short ones one behind the other: products over rows then meet about tokens · longest pairs, where a
/// batch that is one row would meet tokens · tokens, and one row a document would be empty for the most part where lengths differ.
/// </summary>
internal sealed class RowLayout
{
    // Values of 16 bits in 16 bytes, which tensor cores ask of a matrix's rows.
    private const int Multiple = 8;

    /// <param name="lengths">Tokens of each document.</param>
    public RowLayout(IReadOnlyList<int> lengths)
    {
        Columns = (lengths.Max() + Multiple - 1) / Multiple * Multiple;
        (int, int)[] places = new (int, int)[lengths.Count];
        List<int> ends = []; // how far each row is filled

        // The longest first, each into the first row that has room: at most about a fifth more rows than the fewest (first fit decreasing).
        foreach (int document in Enumerable.Range(0, lengths.Count).OrderByDescending(document => lengths[document]))
        {
            int row = ends.FindIndex(end => end + lengths[document] <= Columns);
            if (row < 0)
            {
                row = ends.Count;
                ends.Add(0);
            }

            places[document] = (row, ends[row]);
            ends[row] += lengths[document];
        }

        Rows = ends.Count;
        Places = places;
    }

    /// <summary>How many rows there are.</summary>
    public int Rows { get; }

    /// <summary>How long each is.</summary>
    public int Columns { get; }

    /// <summary>The row of each document, and the column of its first token.</summary>
    public IReadOnlyList<(int Row, int Column)> Places { get; }
}
