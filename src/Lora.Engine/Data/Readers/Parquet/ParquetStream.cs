namespace Lora.Data;

/// <summary>A Parquet file, of which Parquet.Net reads a header byte after byte without asking whether there is one more.</summary>
/// <param name="path">The file.</param>
internal sealed class ParquetStream(string path) : FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read)
{
    /// <summary>Where headers end: behind a column's last page.</summary>
    public long End { get; set; } = long.MaxValue;

    public override int ReadByte() =>
        Position < End && base.ReadByte() is int next and >= 0 ? next : throw new EndOfStreamException("a column ends too early");
}
