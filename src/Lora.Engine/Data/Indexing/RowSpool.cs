using System.Buffers;
using Lora.Checkpoints;

namespace Lora.Data;

/// <summary>Keeps the bytes of rows that cannot be read again where they came from: the last of them in memory, those before in a temporary file.</summary>
/// <param name="inMemory">Bytes that are kept in memory; where there are no more of them, there is no file.</param>
/// <param name="folder">Where the file is made.</param>
internal sealed class RowSpool(int inMemory, string folder) : IDisposable
{
    private readonly ArrayBufferWriter<byte> last = new();
    private ScratchFile? file;
    private long written;

    /// <summary>Adds a row; where it begins.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TemporaryFileFailed"/>.</exception>
    public long Add(ReadOnlySpan<byte> row)
    {
        // Before the row is added: a row lies whole in the file or whole in memory, and is read in one piece.
        if (last.WrittenCount > 0 && last.WrittenCount + (long)row.Length > inMemory)
        {
            Write();
        }

        long offset = written + last.WrittenCount;
        last.Write(row);
        return offset;
    }

    /// <summary>Reads a row. Several threads may, once no more are added.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TemporaryFileFailed"/>.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (offset >= written)
        {
            last.WrittenSpan.Slice((int)(offset - written), destination.Length).CopyTo(destination);
            return;
        }

        try
        {
            file!.Read(offset, destination);
        }
        catch (IOException exception)
        {
            throw Named(exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();

    private void Write()
    {
        try
        {
            file ??= new(folder, "lora-rows-");
            file.Append(last.WrittenSpan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Named(exception);
        }

        written += last.WrittenCount;
        last.ResetWrittenCount();
    }

    private LoraException Named(Exception exception) => LoraException.From(exception, LoraError.TemporaryFileFailed, folder, folder, exception.Message);
}
