using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// MXFP4 (OCP microscaling formats 1.0): blocks of 32 values of E2M1, two in a byte, the first in its lower half, times a power of two, E8M0. gpt-oss
/// has a block's experts as <c>NAME_blocks</c> [experts, out, in / 32, 16] and <c>NAME_scales</c> [experts, out, in / 32], which transformers
/// turns to [experts, in, out]; a layer has <c>weight_packed</c> (compressed-tensors) or <c>weight</c> (ModelOpt) [out, in / 2] and
/// <c>weight_scale</c> [out, in / 32].
/// </summary>
internal sealed unsafe class MicroscaledWeight : StoredWeight
{
    private const int BlockValues = 32;
    private const int BlockBytes = BlockValues / 2;
    private static readonly TensorDataType[] Bytes = [TensorDataType.U8];
    private static readonly TensorDataType[] Powers = [TensorDataType.U8, TensorDataType.F8E8M0];

    private readonly TensorInfo codes;
    private readonly TensorInfo powers;

    /// <summary>Holds the parts against a layer's shape [out, in].</summary>
    public MicroscaledWeight(StoredParts parts, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        string name = parts.Has("weight_packed") ? "weight_packed" : "weight";
        codes = parts.Need(name, Bytes, outputs, Blocks(parts, inputs) * BlockBytes);
        powers = parts.Need("weight_scale", Powers, outputs, Blocks(parts, inputs));
    }

    /// <summary>Holds the parts against the shape of experts, [experts, in, out].</summary>
    /// <param name="parts">The parts.</param>
    /// <param name="parameter">The name before <c>_blocks</c>.</param>
    /// <param name="shape">[experts, in, out].</param>
    public MicroscaledWeight(StoredParts parts, string parameter, long[] shape)
        : base(parts, shape)
    {
        codes = parts.Need(parameter + "_blocks", Bytes, shape[0], shape[2], Blocks(parts, shape[1]), BlockBytes);
        powers = parts.Need(parameter + "_scales", Powers, shape[0], shape[2], Blocks(parts, shape[1]));
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        byte* stored = reader.Bytes(codes);
        byte* scales = reader.Bytes(powers);
        if (Shape is [_, long inputs])
        {
            long width = inputs / BlockValues;
            return (tile, values) =>
            {
                for (int row = 0; row < tile.Rows; row++)
                {
                    for (int column = 0; column < tile.Columns; column += BlockValues) // tiles begin and end at blocks
                    {
                        long block = ((tile.Row + row) * width) + ((tile.Column + column) / BlockValues);
                        Unpack(stored + (block * BlockBytes), scales[block], values + (row * Tiles.Stride) + column, 1);
                    }
                }
            };
        }

        (long blocks, long outputs) = (Shape[1] / BlockValues, Shape[2]);
        return (tile, values) =>
        {
            for (int column = 0; column < tile.Columns; column++)
            {
                for (int row = 0; row < tile.Rows; row += BlockValues)
                {
                    // A block lies along the inputs, which are rows here.
                    long block = (((tile.Matrix * outputs) + tile.Column + column) * blocks) + ((tile.Row + row) / BlockValues);
                    Unpack(stored + (block * BlockBytes), scales[block], values + (row * Tiles.Stride) + column, Tiles.Stride);
                }
            }
        };
    }

    private static void Unpack(byte* codes, byte power, float* values, int step)
    {
        float scale = SmallFloat.PowerOfTwo(power);
        float[] numbers = SmallFloat.FourBits;
        for (int at = 0; at < BlockBytes; at++)
        {
            values[2 * at * step] = numbers[codes[at] & 15] * scale;
            values[((2 * at) + 1) * step] = numbers[codes[at] >> 4] * scale;
        }
    }

    private static long Blocks(StoredParts parts, long inputs) =>
        inputs % BlockValues == 0 ? inputs / BlockValues : throw parts.Invalid($"it has {inputs} inputs, and blocks are of {BlockValues}");
}
