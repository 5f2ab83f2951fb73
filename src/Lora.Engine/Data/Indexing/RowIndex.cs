namespace Lora.Data;

/// <summary>What is kept of each row of a dataset: 32 bytes, in blocks, so that an index that grows is never copied.</summary>
internal sealed class RowIndex
{
    private const int BlockRows = 1 << 16;

    private readonly List<IndexedRow[]> blocks = [];

    /// <summary>The number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes of all rows in JSON.</summary>
    public long Length { get; private set; }

    /// <summary>A row by its number.</summary>
    public IndexedRow this[int number] => blocks[number / BlockRows][number % BlockRows];

    /// <summary>Adds a row.</summary>
    public void Add(IndexedRow row)
    {
        if (Count % BlockRows == 0)
        {
            blocks.Add(new IndexedRow[BlockRows]);
        }

        blocks[^1][Count % BlockRows] = row;
        Count++;
        Length += row.Length;
    }
}

/// <summary>Where a row lies, and what it is told by; in an order that leaves no gaps between the fields.</summary>
/// <param name="Offset">Its first byte, in its file or in the spool (<see cref="RowStore"/>).</param>
/// <param name="Hash">Of the row in JSON: equal rows have the same, whatever form their files have.</param>
/// <param name="Size">The bytes that it has where it lies.</param>
/// <param name="Length">The bytes that it has in JSON; it has hardly more tokens.</param>
/// <param name="File">The number of its file.</param>
/// <param name="Line">Where it stands in its file, from 1.</param>
internal readonly record struct IndexedRow(long Offset, ulong Hash, int Size, int Length, int File, int Line);
