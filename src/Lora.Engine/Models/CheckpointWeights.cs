using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Takes a model's weights out of a checkpoint, straight into tensor memory.</summary>
internal sealed class CheckpointWeights(Checkpoint checkpoint, Device device, ScalarType dataType) : IWeightSource
{
    // Checkpoints of a bare body lack the name of the class that holds it.
    private const string BodyPrefix = "model.";

    /// <inheritdoc/>
    public bool Has(string name) => TryFind(checkpoint, name, out _);

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        if (!TryFind(checkpoint, name, out TensorInfo? found))
        {
            throw LoraException.Of(LoraError.TensorMissing, name, checkpoint.Path, name);
        }

        using Tensor stored = empty(found.Shape, dtype: TensorType.Of(found.DataType), device: CPU);
        TensorMemory.Fill(stored, found, checkpoint);
        return stored.to(dataType, device, copy: true);
    }

    /// <summary>Finds a tensor under its name or, in a checkpoint of the bare body, under the name without the body's prefix.</summary>
    public static bool TryFind(Checkpoint checkpoint, string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TensorInfo? tensor) =>
        checkpoint.TryFind(name, out tensor)
        || (name.StartsWith(BodyPrefix, StringComparison.Ordinal) && checkpoint.TryFind(name[BodyPrefix.Length..], out tensor));
}
