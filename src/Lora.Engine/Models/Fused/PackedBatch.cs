using Lora.Data;

namespace Lora.Models;

/// <summary>A batch without its padding, and what is learned of it.</summary>
internal sealed class PackedBatch
{
    /// <param name="batch">Padded rows; each is a document.</param>
    /// <param name="rows">Its supervised places.</param>
    public PackedBatch(Batch batch, SupervisedRows rows)
    {
        Documents = new(batch.Examples);

        // From places in the padded batch, row by row, to places in the documents end to end.
        Supervised = [.. rows.Positions.Select(place => Documents.Places[(int)(place / batch.Length)].Start + (place % batch.Length))];
        Targets = rows.Targets;
    }

    /// <summary>The rows end to end.</summary>
    public PackedDocuments Documents { get; }

    /// <summary>The tokens whose successor is learned.</summary>
    public long[] Supervised { get; }

    /// <summary>The successors, one for each supervised token.</summary>
    public long[] Targets { get; }
}
