namespace Lora.Kernels;

/// <summary>Where documents lie in the rows of a <see cref="RowLayout"/>, as numbers that go to a device: which values lie at each place and what each query sees there.</summary>
internal sealed class RowPlan
{
    /// <param name="documents">First token and length of each.</param>
    /// <param name="windows">Those of all blocks, each once.</param>
    /// <param name="shape">The heads.</param>
    public RowPlan(IReadOnlyList<(int Start, int Length)> documents, IReadOnlyList<int?> windows, AttentionHeads shape)
    {
        Heads = (shape.Heads, shape.KeyValueHeads);
        RowLayout layout = new([.. documents.Select(place => place.Length)]);
        (Rows, Columns) = (layout.Rows, layout.Columns);
        int longest = documents.Max(place => place.Length);

        // Windows without those that are longer than any document.
        Windows = [.. windows.Select(window => window < longest ? window : null).Distinct()];
        int[] tokens = Tokens(documents, layout);
        int keys = shape.KeyValueHeads;
        (long[] allIntoRows, long[] allBack) = Ways(tokens, shape.Heads + (2 * keys), (shape.Group, 0), (1, shape.Heads + keys), (1, shape.Heads));
        (long[] queriesIntoRows, long[] queriesBack) = Ways(tokens, shape.Heads, (shape.Group, 0));
        long[] columns = [.. Enumerable.Range(0, Columns).Select(column => (long)column)];
        Numbers = [allIntoRows, allBack, queriesIntoRows, queriesBack, FirstSeen(documents, layout), columns];
    }

    /// <summary>Heads of q, and of k and v.</summary>
    public (int Queries, int Keys) Heads { get; }

    /// <summary>How many rows there are.</summary>
    public int Rows { get; }

    /// <summary>How long each is.</summary>
    public int Columns { get; }

    /// <summary>How many keys a query sees, itself included, for each mask; null for all before it.</summary>
    public IReadOnlyList<int?> Windows { get; }

    /// <summary>
    /// For heads of q, v and k, and for those of q alone, which of a token's values lies at each place of the rows, and which place has each of them
    /// (<see cref="PackedRows"/>); the column of the first key that is seen from each place, [windows, rows, columns]; the columns.
    /// </summary>
    public IReadOnlyList<long[]> Numbers { get; }

    /// <summary>The token at each place of the rows, [rows columns]; -1 where there is none.</summary>
    private static int[] Tokens(IReadOnlyList<(int Start, int Length)> documents, RowLayout layout)
    {
        int[] tokens = new int[layout.Rows * layout.Columns];
        Array.Fill(tokens, -1);
        foreach (((int start, int length), (int row, int column)) in documents.Zip(layout.Places))
        {
            for (int token = 0; token < length; token++)
            {
                tokens[(row * layout.Columns) + column + token] = start + token;
            }
        }

        return tokens;
    }

    /// <summary>Which of the values of tokens lies at each place of the rows, kind after kind, and the other way round.</summary>
    /// <param name="tokens">At each place of one head's rows.</param>
    /// <param name="perToken">Heads of a token.</param>
    /// <param name="kinds">How many heads of each share a key/value head, and which of a token's is the first.</param>
    private (long[] IntoRows, long[] Back) Ways(int[] tokens, int perToken, params ReadOnlySpan<(int Parts, int First)> kinds)
    {
        List<long> intoRows = [];
        long[] back = new long[perToken * tokens.Count(token => token >= 0)];
        foreach ((int parts, int first) in kinds)
        {
            for (int key = 0; key < Heads.Keys; key++)
            {
                for (int row = 0; row < Rows; row++)
                {
                    for (int part = 0; part < parts; part++)
                    {
                        int head = first + (key * parts) + part;
                        foreach (int token in tokens.AsSpan(row * Columns, Columns))
                        {
                            if (token >= 0)
                            {
                                back[(token * (long)perToken) + head] = intoRows.Count;
                            }

                            // Any token's values where there is none.
                            intoRows.Add((Math.Max(token, 0) * (long)perToken) + head);
                        }
                    }
                }
            }
        }

        return ([.. intoRows], back);
    }

    /// <summary>The column of the first key that is seen from each place, [windows, rows, columns].</summary>
    private long[] FirstSeen(IReadOnlyList<(int Start, int Length)> documents, RowLayout layout)
    {
        // A place without a token sees itself alone: what comes of it is finite, and reaches nobody.
        long[] first = [.. from window in Windows from row in Enumerable.Range(0, Rows) from column in Enumerable.Range(0, Columns) select (long)column];
        foreach ((int kind, int? window) in Windows.Index())
        {
            foreach (((_, int length), (int row, int column)) in documents.Zip(layout.Places))
            {
                int place = (((kind * Rows) + row) * Columns) + column;
                for (int token = 0; token < length; token++)
                {
                    first[place + token] = column + Math.Max(0, token + 1 - (window ?? length));
                }
            }
        }

        return first;
    }
}
