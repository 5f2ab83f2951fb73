using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// Writes the values of a model's tensors in the forms of the file. What is only stored otherwise goes piece by piece, whatever its size; what the adapter
/// changes goes by rows where it can; what stands in another order is held whole, in float32.
/// </summary>
/// <param name="checkpoint">The base model.</param>
/// <param name="reader">Reads what the adapter changes.</param>
internal sealed class GgufTensorValues(Checkpoint checkpoint, MergedReader reader) : IDisposable
{
    // A multiple of every block, and little enough that pieces stay in the caches between reading, converting and writing.
    private const int PieceValues = 1 << 18;

    // Memory of pieces that is taken anew costs more than what is done with it.
    private readonly Dictionary<ScalarType, Tensor> buffers = [];
    private byte[] blocks = [];

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
                EncodePieces(Whole(part), part);
            }
            else if (reader.Changes(part.Source))
            {
                reader.Read(part.Source, ScalarType.Float32, rows => EncodePieces(rows, part), cancellation);
            }
            else
            {
                for (long start = 0; start < part.Source.ElementCount; start += PieceValues)
                {
                    cancellation.ThrowIfCancellationRequested();
                    using DisposeScope scope = NewDisposeScope();
                    Encode(Read(part.Source, start, (int)Math.Min(PieceValues, part.Source.ElementCount - start)), type, stream, part.Source.Name);
                }
            }
        }

        void EncodePieces(Tensor values, GgufPart part)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor flat = values.view(-1); // [values]
            for (long start = 0; start < flat.shape[0]; start += PieceValues)
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope piece = NewDisposeScope();
                Encode(flat.narrow(0, start, Math.Min(PieceValues, flat.shape[0] - start)), type, stream, part.Source?.Name ?? "");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => buffers.Values.ToList().ForEach(buffer => buffer.Dispose());

    /// <summary>A piece of a tensor of the base, in its own dtype.</summary>
    private Tensor Read(TensorInfo tensor, long start, int count)
    {
        ScalarType type = TensorType.Of(tensor.DataType);
        int width = (int)type.ElementSize();
        Tensor piece = Buffer(type).narrow(0, 0, count);
        checkpoint.Read(tensor, start * width, TensorMemory.Bytes(piece, 0, count * width));
        return piece;
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
        int count = (int)values.shape[0];
        (ScalarType number, TensorDataType stored) = type switch
        {
            GgufTensorType.F16 => (ScalarType.Float16, TensorDataType.F16),
            GgufTensorType.BF16 => (ScalarType.BFloat16, TensorDataType.BF16),
            _ => (ScalarType.Float32, TensorDataType.F32),
        };
        Tensor written = values.dtype == number ? values : Buffer(number).narrow(0, 0, count).copy_(values);
        Span<byte> bytes = TensorMemory.Bytes(written, 0, count * (int)number.ElementSize());
        if (!FiniteValues.AreAllOf(bytes, stored))
        {
            throw LoraException.Of(LoraError.MergeRefused, name, name, $"it has values that are not finite, or that {type} does not hold");
        }

        (int block, int width) = type.Block();
        if (block == 1)
        {
            stream.Write(bytes);
            return;
        }

        int length = count / block * width;
        blocks = blocks.Length >= length ? blocks : new byte[length];
        GgufBlocks.Encode(new((float*)TensorMemory.Address(written), count), type, blocks.AsSpan(0, length));
        stream.Write(blocks, 0, length);
    }

    private Tensor Buffer(ScalarType type)
    {
        if (!buffers.TryGetValue(type, out Tensor? buffer))
        {
            buffer = empty([PieceValues], dtype: type, device: CPU).DetachFromDisposeScope();
            buffers.Add(type, buffer);
        }

        return buffer;
    }
}
