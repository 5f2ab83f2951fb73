using Lora.Checkpoints;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// Writes the values of a model's tensors in the forms of the file, piece by piece on several threads. What is only stored otherwise never comes near libtorch;
/// what the adapter changes goes by rows where it can; what stands in another order is held whole, in float32.
/// </summary>
/// <param name="checkpoint">The base model.</param>
/// <param name="reader">Reads what the adapter changes.</param>
/// <param name="threads">How many convert.</param>
internal sealed class GgufTensorValues(Checkpoint checkpoint, MergedReader reader, int threads) : IDisposable
{
    private readonly GgufPieceWriter pieces = new(threads);

    /// <summary>Writes a tensor.</summary>
    /// <param name="source">Where its values come from.</param>
    /// <param name="type">Their form in the file.</param>
    /// <param name="stream">The file.</param>
    /// <param name="cancellation">Ends the work before the next piece.</param>
    /// <exception cref="LoraException">MergeRefused: values that are not finite or that the form does not hold; or the base cannot be read.</exception>
    public void Write(GgufModelTensor source, GgufTensorType type, Stream stream, CancellationToken cancellation)
    {
        foreach (GgufPart part in source.Parts)
        {
            if (part.Source is null || !part.IsPlain)
            {
                using DisposeScope scope = NewDisposeScope();
                AddValues(Whole(part), part);
            }
            else if (reader.Changes(part.Source))
            {
                reader.Read(part.Source, ScalarType.Float32, rows => AddValues(rows, part), cancellation);
            }
            else
            {
                AddStored(part.Source);
            }
        }

        pieces.Finish(stream);

        void AddStored(TensorInfo tensor)
        {
            int width = tensor.DataType.BitSize() / 8;
            foreach ((long start, int count) in Pieces(tensor.ElementCount))
            {
                cancellation.ThrowIfCancellationRequested();
                pieces.Add(stream, _ => { }, piece =>
                {
                    checkpoint.Read(tensor, start * width, piece.Stored(count * width));
                    Encode(piece, count, tensor.DataType, tensor.Name);
                });
            }
        }

        // These live as long as this call: they are copied before it ends, and converted whenever.
        void AddValues(Tensor values, GgufPart part)
        {
            foreach ((long start, int count) in Pieces(values.numel()))
            {
                cancellation.ThrowIfCancellationRequested();
                pieces.Add(
                    stream,
                    piece => TensorMemory.Bytes(values, start * sizeof(float), count * sizeof(float)).CopyTo(piece.Stored(count * sizeof(float))),
                    piece => Encode(piece, count, TensorDataType.F32, part.Source?.Name ?? ""));
            }
        }

        void Encode(GgufPiece piece, int count, TensorDataType stored, string name)
        {
            if (!piece.Encode(count, stored, type))
            {
                throw LoraException.Of(LoraError.MergeRefused, name, name, $"it has values that are not finite, or that {type} does not hold");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => pieces.Dispose();

    private static IEnumerable<(long Start, int Count)> Pieces(long values)
    {
        for (long start = 0; start < values; start += GgufPiece.MostValues)
        {
            yield return (start, (int)Math.Min(GgufPiece.MostValues, values - start));
        }
    }

    /// <summary>A part with everything done to it, float32.</summary>
    private Tensor Whole(GgufPart part)
    {
        if (part.Source is null)
        {
            return tensor(part.Values);
        }

        Tensor values = reader.Read(part.Source, ScalarType.Float32);
        values = part.IsTurned ? values.t() : values;
        values = part.RowOrder is long[] order ? values.index_select(0, tensor(order, dtype: ScalarType.Int64)) : values;
        values = part.Adds != 0 ? values.Plus(part.Adds) : values;
        return (part.Factor != 1 ? values.Times(part.Factor) : values).contiguous();
    }
}
