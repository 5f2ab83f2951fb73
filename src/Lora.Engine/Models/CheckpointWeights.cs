using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Takes a model's weights out of a checkpoint, straight into the memory that they stay in.</summary>
internal sealed class CheckpointWeights : IWeightSource, IDisposable
{
    // Checkpoints of a bare body lack the name of the class that holds it.
    private const string BodyPrefix = "model.";

    private readonly Checkpoint checkpoint;
    private readonly WeightArena arena;

    /// <summary>Makes room for the weights; <see cref="Read"/> fills it.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="required">What the model asks it for (<see cref="RequiredTensors.In"/>).</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dataType">What they are held in.</param>
    public CheckpointWeights(Checkpoint checkpoint, IReadOnlyList<(string Name, long[] Shape)> required, Device device, ScalarType dataType)
    {
        this.checkpoint = checkpoint;
        arena = new(required, dataType, device);
    }

    /// <summary>Reads the weights; tensors that were taken before have their values then.</summary>
    /// <exception cref="LoraException">A file is unreadable or was cut off since it was opened.</exception>
    public void Read()
    {
        using DisposeScope scope = NewDisposeScope();
        WeightReader.Fill(arena.Names.Select(name => (arena[name], Find(name))), checkpoint);
    }

    /// <inheritdoc/>
    public bool Has(string name) => TryFind(checkpoint, name, out _);

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape) => arena[name];

    /// <inheritdoc/>
    public void Dispose() => arena.Dispose();

    /// <summary>Finds a tensor under its name or, in a checkpoint of the bare body, under the name without the body's prefix.</summary>
    public static bool TryFind(Checkpoint checkpoint, string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TensorInfo? tensor) =>
        checkpoint.TryFind(name, out tensor)
        || (name.StartsWith(BodyPrefix, StringComparison.Ordinal) && checkpoint.TryFind(name[BodyPrefix.Length..], out tensor));

    private TensorInfo Find(string name) =>
        TryFind(checkpoint, name, out TensorInfo? found) ? found : throw LoraException.Of(LoraError.TensorMissing, name, checkpoint.Path, name);
}
