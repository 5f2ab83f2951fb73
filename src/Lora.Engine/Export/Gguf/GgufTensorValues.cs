using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// Writes the values of a model's tensors in the forms of the file. What is only stored otherwise goes piece by piece, whatever its size; what the adapter
/// changes or what stands in another order is held whole, in float32.
/// </summary>
/// <param name="checkpoint">The base model.</param>
/// <param name="reader">Reads what the adapter changes.</param>
internal sealed class GgufTensorValues(Checkpoint checkpoint, MergedReader reader)
{
    // A multiple of every block, and little enough that pieces stay in the caches between reading, converting and writing.
    private const int PieceValues = 1 << 20;

    private byte[] buffer = [];

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
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            if (part.Source is TensorInfo tensor && part.IsPlain && !reader.Changes(tensor))
            {
                WriteInPieces(tensor, type, stream, cancellation);
            }
            else
            {
                Tensor values = Whole(part).view(-1); // [values]
                for (long start = 0; start < values.shape[0]; start += PieceValues)
                {
                    cancellation.ThrowIfCancellationRequested();
                    using DisposeScope pieces = NewDisposeScope();
                    Encode(values.narrow(0, start, Math.Min(PieceValues, values.shape[0] - start)), type, stream, part.Source?.Name ?? "");
                }
            }
        }
    }

    private void WriteInPieces(TensorInfo tensor, GgufTensorType type, Stream stream, CancellationToken cancellation)
    {
        ScalarType stored = TensorType.Of(tensor.DataType);
        int width = (int)stored.ElementSize();
        Tensor piece = empty([Math.Min(PieceValues, tensor.ElementCount)], dtype: stored, device: CPU);
        for (long start = 0; start < tensor.ElementCount; start += PieceValues)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            int count = (int)Math.Min(PieceValues, tensor.ElementCount - start);
            checkpoint.Read(tensor, start * width, TensorMemory.Bytes(piece, 0, count * width));
            Encode(piece.narrow(0, 0, count), type, stream, tensor.Name);
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

    /// <summary>Writes values in a form of the file.</summary>
    private unsafe void Encode(Tensor values, GgufTensorType type, Stream stream, string name)
    {
        Tensor written = values.to(type switch
        {
            GgufTensorType.F16 => ScalarType.Float16,
            GgufTensorType.BF16 => ScalarType.BFloat16,
            _ => ScalarType.Float32,
        });
        if (!written.isfinite().all().ToBoolean())
        {
            throw LoraException.Of(LoraError.MergeRefused, name, name, $"it has values that are not finite, or that {type} does not hold");
        }

        (int block, int bytes) = type.Block();
        if (block == 1)
        {
            TensorMemory.Write(written, stream);
            return;
        }

        int count = (int)values.shape[0];
        int length = count / block * bytes;
        buffer = buffer.Length >= length ? buffer : new byte[length];
        GgufBlocks.Encode(new((float*)TensorMemory.Address(written), count), type, buffer.AsSpan(0, length));
        stream.Write(buffer, 0, length);
    }
}
