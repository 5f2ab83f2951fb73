using System.Diagnostics;

namespace Lora.Checkpoints;

/// <summary>A temporary file that grows and is read at any place. It is gone when it is disposed or the process ends, however it ends.</summary>
internal sealed class ScratchFile : IDisposable
{
    private readonly FileStream file;

    /// <param name="folder">Where the file is made; those that killed processes left there are removed.</param>
    /// <param name="prefix">What its name begins with: whose it is.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public ScratchFile(string folder, string prefix)
    {
        RemoveLeft(folder, prefix);
        file = Open(Path.Combine(folder, prefix + Path.GetRandomFileName()), FileMode.CreateNew);
        if (!OperatingSystem.IsWindows())
        {
            // Its name goes at once and its bytes with the process: nothing stays of one that is killed. Windows does as much for DeleteOnClose.
            File.Delete(file.Name);
        }
    }

    /// <summary>Adds bytes at the end; where they begin.</summary>
    /// <exception cref="IOException">There is no room for them.</exception>
    public long Append(ReadOnlySpan<byte> bytes)
    {
        long offset = file.Length;

        // Written and read at offsets, without a buffer: callers give long runs of bytes.
        RandomAccess.Write(file.SafeFileHandle, bytes, offset);
        return offset;
    }

    /// <summary>Fills the destination with the bytes from a place on. Several threads may read.</summary>
    /// <exception cref="IOException">They can no longer be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (!FileBytes.TryRead(file.SafeFileHandle, offset, destination))
        {
            throw new EndOfStreamException($"'{file.Name}' has become shorter.");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static FileStream Open(string path, FileMode mode) => new(
        path,
        new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0, Options = FileOptions.DeleteOnClose });

    /// <summary>Removes files of processes that were killed; a file of one that lives cannot be opened.</summary>
    private static void RemoveLeft(string folder, string prefix)
    {
        foreach (string path in Directory.EnumerateFiles(folder, prefix + "*"))
        {
            try
            {
                Open(path, FileMode.Open).Dispose();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Trace.TraceInformation(exception.Message); // in use, or another user's
            }
        }
    }
}
