using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps values in main memory.</summary>
internal sealed class MemoryPrefixStore : IPrefixStore
{
    private readonly List<Tensor> kept = [];

    /// <inheritdoc/>
    public int Add(Tensor values)
    {
        // Main memory on every device: on a GPU it is what a run lacks least.
        kept.Add(values.to(CPU, copy: true).DetachFromDisposeScope());
        return kept.Count - 1;
    }

    /// <inheritdoc/>
    public void Read(int number, Tensor destination) => destination.copy_(kept[number]);

    /// <inheritdoc/>
    public void Dispose() => kept.ForEach(tensor => tensor.Dispose());
}
