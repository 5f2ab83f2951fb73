using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>The weights of a model that is computed to prove an export, by the names that the engine's modules have for them.</summary>
internal interface IProofValues
{
    /// <summary>Whether there is a tensor of its own under a name.</summary>
    bool Has(string name);

    /// <summary>The numbers that it is stored as; null where it is stored in blocks of codes.</summary>
    ScalarType? TypeOf(string name);

    /// <summary>Reads tensors into float32 memory of their shapes.</summary>
    /// <exception cref="LoraException">A file is unreadable, or has no such tensor.</exception>
    void Fill(IReadOnlyDictionary<string, Tensor> tensors, CancellationToken cancellation);
}

/// <summary>Those of a Hugging Face folder.</summary>
/// <param name="stored">Its tensors.</param>
/// <param name="given">Tensors in place of the folder's or beside them; their types are the folder's where it has them.</param>
internal sealed class CheckpointValues(StoredTensors stored, IReadOnlyDictionary<string, TensorData> given) : IProofValues
{
    /// <inheritdoc/>
    public bool Has(string name) => given.ContainsKey(name) || stored.Has(name);

    /// <inheritdoc/>
    public ScalarType? TypeOf(string name) => stored.TryFind(name, out TensorInfo? tensor) && TensorType.IsKnown(tensor.DataType) ? TensorType.Of(tensor.DataType) : null;

    /// <inheritdoc/>
    public void Fill(IReadOnlyDictionary<string, Tensor> tensors, CancellationToken cancellation)
    {
        List<(Tensor Destination, TensorInfo Source)> plain = [];
        foreach ((string name, Tensor values) in tensors)
        {
            cancellation.ThrowIfCancellationRequested();

            // A head that is untied has the embedding's values in the base.
            string source = Has(name) ? name : Embedding(name) ?? name;
            if (given.TryGetValue(source, out TensorData? own))
            {
                using DisposeScope scope = NewDisposeScope();
                values.copy_(AdapterTensors.Read(own));
            }
            else if (stored.FindQuantized(source, values.shape) is StoredWeight form)
            {
                form.Fill(values, _ => { });
            }
            else
            {
                plain.Add((values, stored.Find(source)));
            }
        }

        WeightReader.Fill(plain, stored.Checkpoint, cancellation: cancellation);
    }

    private string? Embedding(string name) => stored.Shape is ModelShape shape && name == shape.Head.Weight ? shape.EmbeddingWeight : null;
}
