using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// The ways from tokens that lie end to end to the rows of a <see cref="RowLayout"/> and back, and which keys each query sees there: of one step, for all its blocks.
/// </summary>
internal sealed class PackedRows
{
    private readonly List<int?> windows;
    private readonly Tensor masks; // [windows, rows, columns, columns]

    /// <param name="documents">Where they lie.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="type">Of the activations.</param>
    public PackedRows(DocumentPlaces documents, AttentionHeads shape, ScalarType type)
    {
        Device device = documents.Ends.device;
        (int heads, int keys, int group) = (shape.Heads, shape.KeyValueHeads, shape.Group);
        RowLayout layout = new([.. documents.Places.Select(place => place.Length)]);
        (Rows, Columns) = (layout.Rows, layout.Columns);
        int[] tokens = Tokens(documents.Places, layout);
        windows = Seen(documents.Windows, documents.Longest);

        // A group's query heads, then its head of k and that of v.
        RowIndex all = new(layout, tokens, keys, group + 2, heads + (2 * keys), (key, part) => part < group ? (key * group) + part : heads + key + ((part - group) * keys));
        RowIndex queries = new(layout, tokens, keys, group, heads, (key, part) => (key * group) + part);
        long[] columns = [.. Enumerable.Range(0, Columns).Select(column => (long)column)];
        Tensor[] numbers = DeviceIndex.Of([all.IntoRows, all.Back, queries.IntoRows, queries.Back, FirstSeen(documents.Places, layout), columns], device);
        All = (numbers[0], numbers[1]);
        Queries = (numbers[2], numbers[3]);

        // Keys from the first that is seen to the query itself; the logarithm of 1 and 0 is what is added to scores, 0 and minus infinity.
        masks = empty([windows.Count, Rows, Columns, Columns], dtype: type, device: device);
        ResultInto.IsAtLeast(masks, numbers[5], numbers[4].view(windows.Count, Rows, Columns, 1));
        masks.tril_().log_();
    }

    /// <summary>How many rows there are.</summary>
    public int Rows { get; }

    /// <summary>How long each is.</summary>
    public int Columns { get; }

    /// <summary>
    /// For heads of q, k and v: which of [tokens (heads + 2 kvHeads)] lies at each of [kvHeads, rows, group + 2, columns], and which of those is each of the first.
    /// </summary>
    public (Tensor IntoRows, Tensor Back) All { get; }

    /// <summary>The same for heads of q alone, [tokens heads] and [kvHeads, rows, group, columns].</summary>
    public (Tensor IntoRows, Tensor Back) Queries { get; }

    /// <summary>All tensors.</summary>
    public IEnumerable<Tensor> Tensors => [masks, All.IntoRows, All.Back, Queries.IntoRows, Queries.Back];

    /// <summary>What is added to scores: 0 where a query sees a key, and minus infinity elsewhere, [rows, 1, columns, columns].</summary>
    /// <param name="window">How many keys a query sees, itself included; null for all before it.</param>
    public Tensor Mask(int? window)
    {
        // One that is longer than any document is none.
        int found = windows.IndexOf(window);
        return masks.select(0, found < 0 ? windows.IndexOf(null) : found).unsqueeze(1);
    }

    /// <summary>Bytes of the ways there and back for documents of these lengths, and of one mask.</summary>
    public static (long Ways, long Mask) Bytes(IReadOnlyList<int> lengths, AttentionHeads shape, int elementSize)
    {
        RowLayout layout = new(lengths);
        long tokens = lengths.Sum(length => (long)length);
        long places = (long)layout.Rows * layout.Columns;
        long heads = (2L * shape.Heads) + (2L * shape.KeyValueHeads);
        return (sizeof(long) * (heads * (tokens + places)), places * layout.Columns * elementSize);
    }

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

    /// <summary>Windows without those that are longer than any document.</summary>
    private static List<int?> Seen(IReadOnlyList<int?> windows, int longest) => [.. windows.Select(window => window < longest ? window : null).Distinct()];

    /// <summary>The column of the first key that is seen from each place, [windows, rows, columns].</summary>
    private long[] FirstSeen(IReadOnlyList<(int Start, int Length)> documents, RowLayout layout)
    {
        // A place without a token sees itself alone: what comes of it is finite, and reaches nobody.
        long[] first = [.. from window in windows from row in Enumerable.Range(0, Rows) from column in Enumerable.Range(0, Columns) select (long)column];
        foreach ((int kind, int? window) in windows.Index())
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

    /// <summary>Which of the values of tokens lies at each place of the rows, and the other way round.</summary>
    private readonly struct RowIndex
    {
        /// <param name="layout">The rows.</param>
        /// <param name="tokens">At each place of them.</param>
        /// <param name="groups">Of heads.</param>
        /// <param name="parts">Heads of a group.</param>
        /// <param name="perToken">Heads of a token.</param>
        /// <param name="head">Which of a token's heads is a part of a group.</param>
        public RowIndex(RowLayout layout, int[] tokens, int groups, int parts, int perToken, Func<int, int, int> head)
        {
            IntoRows = new long[groups * parts * tokens.Length];
            Back = new long[perToken * tokens.Count(token => token >= 0)];
            int place = 0;
            for (int group = 0; group < groups; group++)
            {
                for (int row = 0; row < layout.Rows; row++)
                {
                    for (int part = 0; part < parts; part++)
                    {
                        int found = head(group, part);
                        foreach (int token in tokens.AsSpan(row * layout.Columns, layout.Columns))
                        {
                            // Any token's values where there is none.
                            IntoRows[place] = (Math.Max(token, 0) * (long)perToken) + found;
                            if (token >= 0)
                            {
                                Back[(token * (long)perToken) + found] = place;
                            }

                            place++;
                        }
                    }
                }
            }
        }

        public long[] IntoRows { get; }

        public long[] Back { get; }
    }
}
