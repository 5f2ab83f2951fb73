using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps values in a temporary file, which is gone when the store is disposed or the process ends, however it ends.</summary>
internal sealed class FilePrefixStore : IPrefixStore
{
    private const string Prefix = "lora-prefix-";

    private readonly FileStream file;
    private readonly List<long> offsets = [];

    /// <param name="folder">Where the file is made.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public FilePrefixStore(string folder)
    {
        RemoveLeft(folder);
        file = Open(Path.Combine(folder, Prefix + Path.GetRandomFileName()), FileMode.CreateNew);
        if (!OperatingSystem.IsWindows())
        {
            // Its name goes at once and its bytes with the process: nothing stays of one that is killed. Windows does as much for DeleteOnClose.
            File.Delete(file.Name);
        }
    }

    /// <inheritdoc/>
    public int Add(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        long offset = file.Length;

        // Written and read at offsets, without a buffer: each document is one long run of bytes.
        RandomAccess.Write(file.SafeFileHandle, values.to(CPU).bytes, offset);
        offsets.Add(offset);
        return offsets.Count - 1;
    }

    /// <inheritdoc/>
    public void Read(int number, Tensor destination)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = empty(destination.shape, dtype: destination.dtype, device: CPU);
        if (!Checkpoints.FileBytes.TryRead(file.SafeFileHandle, offsets[number], values.bytes))
        {
            throw new EndOfStreamException($"'{file.Name}' has become shorter.");
        }

        destination.copy_(values);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static FileStream Open(string path, FileMode mode) => new(
        path,
        new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0, Options = FileOptions.DeleteOnClose });

    /// <summary>Removes files of processes that were killed; a file of one that lives cannot be opened.</summary>
    private static void RemoveLeft(string folder)
    {
        foreach (string path in Directory.EnumerateFiles(folder, Prefix + "*"))
        {
            try
            {
                Open(path, FileMode.Open).Dispose();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                System.Diagnostics.Trace.TraceInformation(exception.Message); // in use, or another user's
            }
        }
    }
}
