using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps values in a temporary file, which is gone when the store is disposed or the process ends.</summary>
internal sealed class FilePrefixStore : IPrefixStore
{
    private readonly FileStream file;
    private readonly List<long> offsets = [];

    /// <param name="folder">Where the file is made.</param>
    public FilePrefixStore(string folder) => file = new(
        Path.Combine(folder, $"lora-prefix-{Path.GetRandomFileName()}"),
        new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, BufferSize = 0, Options = FileOptions.DeleteOnClose });

    /// <inheritdoc/>
    public int Add(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        long offset = file.Length;
        try
        {
            // Written and read at offsets, without a buffer: each document is one long run of bytes.
            RandomAccess.Write(file.SafeFileHandle, values.to(CPU).bytes, offset);
        }
        catch (IOException exception)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, file.Name, file.Name, exception.Message);
        }

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
            throw LoraException.Of(LoraError.FileUnreadable, file.Name, file.Name, "it has become shorter");
        }

        destination.copy_(values);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
