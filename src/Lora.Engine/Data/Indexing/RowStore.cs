using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Lora.Checkpoints;
using Microsoft.Win32.SafeHandles;

namespace Lora.Data;

/// <summary>
/// Gives rows back by their places. Those of plain JSON Lines are read again in their own file; all others are written down as JSON
/// (<see cref="RowSpool"/>), since packed files, arrays and tables cannot be read at a place.
/// </summary>
/// <param name="files">The files of the dataset.</param>
/// <param name="limits">What of it is in memory.</param>
internal sealed class RowStore(IReadOnlyList<DatasetFile> files, DatasetLimits limits) : IDisposable
{
    private readonly RowSpool spool = new(limits.Spooled, limits.TemporaryFolder);

    /// <summary>A row as it is kept and told by. Several threads may ask.</summary>
    public static WrittenRow Write(DatasetRow row)
    {
        ArrayBufferWriter<byte> json = new();
        DatasetRowJson.Write(json, row);
        return new(row.Line, json.WrittenMemory, Hash(json.WrittenSpan));
    }

    /// <summary>Notes a row, for one thread at a time.</summary>
    /// <param name="file">The number of its file.</param>
    /// <param name="row">The row.</param>
    /// <param name="place">Where it may be read again; null where it has to be written down.</param>
    /// <exception cref="LoraException"><see cref="LoraError.TemporaryFileFailed"/>.</exception>
    public IndexedRow Add(int file, WrittenRow row, RowPlace? place)
    {
        RowPlace kept = place ?? new(spool.Add(row.Json.Span), row.Json.Length);
        return new(kept.Offset, row.Hash, kept.Size, row.Json.Length, file, row.Line);
    }

    /// <summary>Reads a row. Several threads may.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.DatasetChanged"/>, <see cref="LoraError.FileUnreadable"/>, <see cref="LoraError.TemporaryFileFailed"/>.</exception>
    public DatasetRow Read(IndexedRow row)
    {
        byte[] bytes = new byte[row.Size];
        DatasetFile file = files[row.File];
        if (file.IsReadInPlace)
        {
            return ReadAgain(file, row, bytes);
        }

        spool.Read(row.Offset, bytes);
        return DatasetRowJson.Read(bytes, row.Line);
    }

    /// <inheritdoc/>
    public void Dispose() => spool.Dispose();

    private static DatasetRow ReadAgain(DatasetFile file, IndexedRow row, byte[] bytes)
    {
        // What is to be said of the file was said when it was indexed.
        DatasetFile again = file.Again();
        DatasetRow? read = TryRead(file.Path, row.Offset, bytes) ? JsonLinesReader.Read(row.Line, bytes, again, new(again)) : null;
        return read is not null && Write(read).Hash == row.Hash ? read
            : throw LoraException.Of(LoraError.DatasetChanged, file.Path, file.Path, row.Line);
    }

    private static bool TryRead(string path, long offset, byte[] bytes)
    {
        try
        {
            // Opened each time: a dataset may have more files than a process may hold open, and others may replace them.
            using SafeFileHandle handle = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            return FileBytes.TryRead(handle, offset, bytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }

    private static ulong Hash(ReadOnlySpan<byte> json)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(json, hash);
        // Enough to see that a row is another, and few enough that an index keeps each row in 32 bytes.
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }
}

/// <summary>A row in JSON.</summary>
/// <param name="Line">Where it stands in its file.</param>
/// <param name="Json">Its bytes.</param>
/// <param name="Hash">Their hash.</param>
internal readonly record struct WrittenRow(int Line, ReadOnlyMemory<byte> Json, ulong Hash);

/// <summary>Where a row's bytes lie in a file.</summary>
/// <param name="Offset">The first of them.</param>
/// <param name="Size">How many there are.</param>
internal readonly record struct RowPlace(long Offset, int Size);
