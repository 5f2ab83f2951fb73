using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// compressed-tensors' <c>pack-quantized</c>: w = (code - zero) · scale. <c>weight_packed</c> [out, in / n] has n = 32 / bits inputs in a word, lowest bits
/// first, each moved up by half of its range, so that codes are not negative; the last word of a row is filled up. <c>weight_scale</c> [out, groups];
/// <c>weight_zero_point</c> [out / n, groups], packed likewise down the outputs, the middle of the range without it; <c>weight_g_idx</c> [in] names each
/// input's group; <c>weight_shape</c> is [out, in].
/// </summary>
internal sealed unsafe class PackedIntegerWeight : StoredWeight
{
    private const int WordBits = 32;
    private static readonly int[] KnownBits = [4, 8, 2, 3, 5, 6, 7];

    private readonly TensorInfo codes;
    private readonly TensorInfo scales;
    private readonly TensorInfo? zeros;
    private readonly TensorInfo? order;
    private readonly ScaleGrid grid;
    private readonly int bits;

    /// <summary>Holds the parts against the shape [out, in].</summary>
    public PackedIntegerWeight(StoredParts parts, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        codes = parts.Need("weight_packed", StoredParts.Words, outputs, null);

        // The stated bits first, for words that are filled up may hold as many codes of two widths.
        bits = KnownBits.OrderBy(known => known != parts.Stated?.Bits).FirstOrDefault(known => Words(inputs, known) == codes.Shape[1]);
        if (bits == 0)
        {
            throw parts.Invalid($"its weight_packed has {codes.Shape[1]} words a row for {inputs} inputs");
        }

        scales = parts.Any("weight_scale", StoredParts.Floats);
        order = parts.Has("weight_g_idx") ? parts.Need("weight_g_idx", StoredParts.Integers, inputs) : null;
        grid = ScaleGrid.Of(parts, scales, outputs, inputs);
        zeros = parts.Has("weight_zero_point") ? parts.Need("weight_zero_point", StoredParts.Words, Words(outputs, bits), grid.Width) : null;
        if (zeros is not null && grid.Rows != 1)
        {
            throw parts.Invalid("it has zero points of outputs and a scale for many of them");
        }

        if (parts.Has("weight_shape"))
        {
            parts.Need("weight_shape", StoredParts.Integers, 2); // the model's own shape is what the rest is held against
        }
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        (long inputs, long width) = (Shape[1], codes.Shape[1]);
        (int codeBits, int perWord) = (bits, WordBits / bits);
        uint mask = (1u << codeBits) - 1;
        uint* words = reader.Words(codes);
        float* factor = reader.Floats(scales);
        ScaleGrid blocks = grid;
        float* middle = Middles(reader); // [scales]
        int[] group = order is null
            ? [.. Enumerable.Range(0, (int)inputs).Select(input => (int)(input / blocks.Columns))]
            : reader.Groups(order, blocks.Width);
        return (tile, values) =>
        {
            for (int row = 0; row < tile.Rows; row++)
            {
                long output = tile.Row + row;
                uint* source = words + (output * width);
                float* line = values + (row * Tiles.Stride);
                long first = output / blocks.Rows * blocks.Width;
                float* s = factor + first;
                float* m = middle + first;
                uint* word = source + (tile.Column / perWord);
                int place = (int)(tile.Column % perWord);
                for (int column = 0; column < tile.Columns; column++)
                {
                    int code = (int)((*word >> (place * codeBits)) & mask);
                    int share = group[tile.Column + column];
                    line[column] = (code - m[share]) * s[share];
                    if (++place == perWord)
                    {
                        place = 0;
                        word++;
                    }
                }
            }
        };
    }

    /// <summary>What stands for zero beside each scale: the middle of the codes, where the file says nothing else.</summary>
    private float* Middles(PartReader reader)
    {
        uint* packed = zeros is null ? null : reader.Words(zeros);
        float* values = PartReader.Room(scales.ElementCount);
        int perWord = WordBits / bits;
        for (long at = 0; at < scales.ElementCount; at++)
        {
            (long output, long share) = (at / grid.Width, at % grid.Width);
            values[at] = packed is null ? 1 << (bits - 1)
                : (packed[(output / perWord * grid.Width) + share] >> (int)(output % perWord * bits)) & ((1u << bits) - 1);
        }

        return values;
    }

    private static long Words(long codes, int bits) => (codes + (WordBits / bits) - 1) / (WordBits / bits);
}
