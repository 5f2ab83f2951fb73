using System.Diagnostics.CodeAnalysis;
using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>The tensors of a checkpoint by the names that a model has for them.</summary>
/// <param name="checkpoint">The checkpoint.</param>
/// <param name="shape">The model.</param>
internal sealed class StoredTensors(Checkpoint checkpoint, ModelShape shape)
{
    private readonly string prefix = shape.Family.Names.BasePrefix + ".";

    /// <summary>Where they are.</summary>
    public Checkpoint Checkpoint { get; } = checkpoint;

    /// <summary>The model.</summary>
    public ModelShape Shape { get; } = shape;

    /// <summary>Finds a tensor under its name or, in a checkpoint of the bare body, under the name without the body's prefix.</summary>
    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) =>
        Checkpoint.TryFind(name, out tensor)
        || (name.StartsWith(prefix, StringComparison.Ordinal) && Checkpoint.TryFind(name[prefix.Length..], out tensor));

    /// <summary>Finds a tensor that is there.</summary>
    /// <exception cref="LoraException">TensorMissing.</exception>
    public TensorInfo Find(string name) =>
        TryFind(name, out TensorInfo? found) ? found : throw LoraException.Of(LoraError.TensorMissing, name, Checkpoint.Path, name);

    /// <summary>How many of the model's blocks the checkpoint has.</summary>
    public int CountBlocks()
    {
        string blocks = Shape.BlockPrefix;
        string bare = blocks.StartsWith(prefix, StringComparison.Ordinal) ? blocks[prefix.Length..] : blocks;
        return Checkpoint.Tensors.Select(tensor => BlockOf(tensor.Name)).OfType<int>().Distinct().Count(block => block < Shape.Blocks.Count);

        int? BlockOf(string name)
        {
            int start = name.StartsWith(blocks, StringComparison.Ordinal) ? blocks.Length : name.StartsWith(bare, StringComparison.Ordinal) ? bare.Length : -1;
            int end = start < 0 ? -1 : name.IndexOf('.', start);
            return end > start && int.TryParse(name.AsSpan(start, end - start), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int block) ? block : null;
        }
    }
}
