using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps values in a temporary file, which is gone when the store is disposed or the process ends, however it ends.</summary>
/// <param name="folder">Where the file is made.</param>
/// <exception cref="IOException">It cannot be made.</exception>
/// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
internal sealed class FilePrefixStore(string folder) : IPrefixStore
{
    private readonly ScratchFile file = new(folder, "lora-prefix-");
    private readonly List<long> offsets = [];

    /// <inheritdoc/>
    public int Add(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        offsets.Add(file.Append(values.to(CPU).bytes));
        return offsets.Count - 1;
    }

    /// <inheritdoc/>
    public void Read(int number, Tensor destination)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = empty(destination.shape, dtype: destination.dtype, device: CPU);
        file.Read(offsets[number], values.bytes);
        destination.copy_(values);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
