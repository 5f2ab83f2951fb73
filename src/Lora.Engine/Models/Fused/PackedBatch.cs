using Lora.Data;

namespace Lora.Models;

/// <summary>
/// The documents of a batch end to end, without padding: products run over all tokens at once, attention over one document at a time.
/// </summary>
internal sealed class PackedBatch
{
    /// <param name="batch">Padded rows; each is a document.</param>
    /// <param name="rows">Its supervised places.</param>
    public PackedBatch(Batch batch, SupervisedRows rows)
    {
        int[] starts = new int[batch.Rows];
        for (int row = 1; row < batch.Rows; row++)
        {
            starts[row] = starts[row - 1] + batch.Lengths[row - 1];
        }

        Documents = [.. starts.Zip(batch.Lengths)];
        Ids = [.. Documents.SelectMany((document, row) => batch.InputIds.Skip(row * batch.Length).Take(document.Length))];
        Positions = [.. batch.Lengths.SelectMany(length => Enumerable.Range(0, length).Select(position => (long)position))];
        Supervised = [.. rows.Positions.Select(place => starts[place / batch.Length] + (place % batch.Length))];
        Targets = rows.Targets;
    }

    /// <summary>First token and length of each document.</summary>
    public IReadOnlyList<(int Start, int Length)> Documents { get; }

    /// <summary>The token ids, [tokens].</summary>
    public long[] Ids { get; }

    /// <summary>Each token's place in its document, [tokens].</summary>
    public long[] Positions { get; }

    /// <summary>The tokens whose successor is learned.</summary>
    public long[] Supervised { get; }

    /// <summary>The successors, one for each supervised token.</summary>
    public long[] Targets { get; }
}
