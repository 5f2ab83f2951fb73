using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>The tensors of a checkpoint by the names that a model has for them.</summary>
/// <param name="checkpoint">The checkpoint.</param>
/// <param name="shape">The model.</param>
internal sealed class StoredTensors(Checkpoint checkpoint, TaskShape shape)
{
    private readonly string prefix = shape.Names.BasePrefix + ".";

    /// <summary>Where they are.</summary>
    public Checkpoint Checkpoint { get; } = checkpoint;

    /// <summary>The model.</summary>
    public TaskShape Shape { get; } = shape;

    /// <summary>
    /// Finds a tensor under its name or, in a checkpoint of the bare body, under the name without the body's prefix; those of norms also under the names that
    /// the first BERT checkpoints have for them.
    /// </summary>
    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) => TryFindAs(name, out tensor) || (Older(name) is string older && TryFindAs(older, out tensor));

    /// <summary>Finds a tensor that is there.</summary>
    /// <exception cref="LoraException">TensorMissing.</exception>
    public TensorInfo Find(string name) =>
        TryFind(name, out TensorInfo? found) ? found : throw LoraException.Of(LoraError.TensorMissing, name, Checkpoint.Path, name);

    /// <summary>How many blocks of a list the checkpoint has.</summary>
    /// <param name="list">What stands before their numbers, with its dot.</param>
    /// <param name="most">As many as the model has.</param>
    public int CountBlocks(string list, int most)
    {
        string bare = list.StartsWith(prefix, StringComparison.Ordinal) ? list[prefix.Length..] : list;
        return Checkpoint.Tensors.Select(tensor => BlockOf(tensor.Name)).OfType<int>().Distinct().Count(block => block < most);

        int? BlockOf(string name)
        {
            int start = name.StartsWith(list, StringComparison.Ordinal) ? list.Length : name.StartsWith(bare, StringComparison.Ordinal) ? bare.Length : -1;
            int end = start < 0 ? -1 : name.IndexOf('.', start);
            return end > start && int.TryParse(name.AsSpan(start, end - start), NumberStyles.None, CultureInfo.InvariantCulture, out int block) ? block : null;
        }
    }

    private bool TryFindAs(string name, [NotNullWhen(true)] out TensorInfo? tensor) =>
        Checkpoint.TryFind(name, out tensor)
        || (name.StartsWith(prefix, StringComparison.Ordinal) && Checkpoint.TryFind(name[prefix.Length..], out tensor));

    private static string? Older(string name) => name.EndsWith("LayerNorm.weight", StringComparison.Ordinal) ? name[..^"weight".Length] + "gamma"
        : name.EndsWith("LayerNorm.bias", StringComparison.Ordinal) ? name[..^"bias".Length] + "beta"
        : null;
}
