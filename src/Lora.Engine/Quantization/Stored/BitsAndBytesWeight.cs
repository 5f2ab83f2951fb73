using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>
/// bitsandbytes' 4-bit weights (QLoRA, arXiv 2305.14314): <c>weight</c> has the codes of [out, in] as one run, two in a byte, the first in its upper
/// half, of whatever dtype (<c>bnb_4bit_quant_storage</c>); <c>weight.absmax</c> the largest magnitude of each block of the run. Where magnitudes are
/// quantised in turn (double quantisation) it has codes: magnitude = nested_quant_map[code] · nested_absmax + nested_offset.
/// </summary>
internal sealed unsafe class BitsAndBytesWeight : StoredWeight
{
    private const int MapValues = 256;

    private readonly BitsAndBytesState state;
    private readonly TensorInfo codes;
    private readonly TensorInfo magnitudes;
    private readonly TensorInfo? scales;
    private readonly TensorInfo? map;

    /// <summary>Holds the parts against the shape [out, in].</summary>
    public BitsAndBytesWeight(StoredParts parts, string stateName, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        state = BitsAndBytesState.Read(parts, stateName);
        Code = FourBitCode.Find(state.Type) ?? throw parts.Invalid($"its quant_type is '{state.Type}'; nf4 and fp4 are read");
        long count = outputs * inputs;
        if (!state.Shape.SequenceEqual(Shape))
        {
            throw parts.Invalid($"its quant_state has the shape [{string.Join(", ", state.Shape)}]; expected is [{outputs}, {inputs}]");
        }

        codes = parts.Any("weight", []);
        if (codes.Length != (count + 1) / 2)
        {
            throw parts.Invalid($"its weight has {codes.Length} bytes for {count} codes of 4 bits");
        }

        long blocks = (count + state.BlockSize - 1) / state.BlockSize;
        magnitudes = parts.Need("weight.absmax", state.NestedBlockSize is null ? [TensorDataType.F32] : [TensorDataType.U8], blocks);
        if (state.NestedBlockSize is int group)
        {
            scales = parts.Need("weight.nested_absmax", [TensorDataType.F32], (blocks + group - 1) / group);
            map = parts.Need("weight.nested_quant_map", [TensorDataType.F32], MapValues);
        }

        if (parts.Has("weight.quant_map"))
        {
            parts.Need("weight.quant_map", [TensorDataType.F32], FourBitCode.Count); // the table of quant_type, which bitsandbytes' kernels have built in
        }
    }

    /// <summary>What the codes stand for.</summary>
    public FourBitCode Code { get; }

    /// <summary>Reads the matrix as it is, in 4 bits.</summary>
    /// <param name="dataType">The dtype that its values will be taken in.</param>
    /// <param name="onRead">Told of bytes that were read, on several threads.</param>
    /// <returns>The matrix, on the CPU, which the caller owns.</returns>
    /// <exception cref="LoraException">A file is unreadable or was cut off.</exception>
    public FourBitMatrix Take(ScalarType dataType, Action<long>? onRead = null)
    {
        using DisposeScope scope = NewDisposeScope();
        PartReader reader = new(Parts, onRead);

        // Whole blocks; what a last one has behind the matrix is read by nobody, but has to be there.
        Tensor packed = zeros([magnitudes.ElementCount * state.BlockSize / 2], dtype: ScalarType.Byte, device: CPU);
        reader.Into(packed, codes);
        if (state.NestedBlockSize is not int group)
        {
            return Matrix(new(Whole(reader, magnitudes, ScalarType.Float32, magnitudes.ElementCount), null));
        }

        NestedMagnitudes nested = NestedMagnitudes.Of(
            group, new Span<float>(reader.Floats(map!), MapValues).ToArray(), Whole(reader, scales!, ScalarType.Float32, scales!.ElementCount), state.NestedOffset);
        return Matrix(new(Whole(reader, magnitudes, ScalarType.Byte, scales.ElementCount * group), nested)); // whole groups

        FourBitMatrix Matrix(BlockMagnitudes taken) => new(Shape, dataType, Code, state.BlockSize, packed.DetachFromDisposeScope(), taken);
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        long inputs = Shape[1];
        // Blocks have a power of two of values: a shift stands for a division at each of them.
        int blockBits = int.Log2(state.BlockSize);
        byte* packed = reader.Bytes(codes);
        float* magnitude = Magnitudes(reader);
        float[] numbers = [.. Code.Values];
        return (tile, values) =>
        {
            for (int row = 0; row < tile.Rows; row++)
            {
                // Blocks and bytes go on from row to row: the matrix is one run of values.
                long first = ((tile.Row + row) * inputs) + tile.Column;
                float* line = values + (row * Tiles.Stride);
                for (int column = 0; column < tile.Columns; column++)
                {
                    long at = first + column;
                    int code = (packed[at / 2] >> (at % 2 == 0 ? 4 : 0)) & 15;
                    line[column] = numbers[code] * magnitude[at >> blockBits];
                }
            }
        };
    }

    private static Tensor Whole(PartReader reader, TensorInfo tensor, ScalarType type, long room)
    {
        Tensor memory = zeros([room], dtype: type, device: CPU).DetachFromDisposeScope();
        reader.Into(memory, tensor);
        return memory;
    }

    private float* Magnitudes(PartReader reader)
    {
        if (state.NestedBlockSize is not int group)
        {
            return reader.Floats(magnitudes);
        }

        byte* quantised = reader.Bytes(magnitudes);
        float* scale = reader.Floats(scales!);
        float* numbers = reader.Floats(map!);
        float* values = PartReader.Room(magnitudes.ElementCount);
        for (long block = 0; block < magnitudes.ElementCount; block++)
        {
            values[block] = (numbers[quantised[block]] * scale[block / group]) + state.NestedOffset;
        }

        return values;
    }
}
