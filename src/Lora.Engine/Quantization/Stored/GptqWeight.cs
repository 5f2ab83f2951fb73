using System.Numerics;
using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// GPTQ (arXiv 2210.17323) as AutoGPTQ and GPTQModel write it: w = scale · (code - zero), with a scale and a zero for each output and group of inputs.
/// <c>qweight</c> [in · bits / 32, out] has each output's codes as one stream of bits down its column, lowest bits first; <c>qzeros</c>
/// [groups, out · bits / 32] each group's along its row, one too small in the first version of the format and right in the second
/// (<c>checkpoint_format</c> gptq_v2). <c>g_idx</c> [in] names each input's group (act-order); without it groups are of equal size.
/// </summary>
internal sealed unsafe class GptqWeight : StoredWeight
{
    private const int WordBits = 32;
    private static readonly int[] KnownBits = [2, 3, 4, 8];

    private readonly TensorInfo codes;
    private readonly TensorInfo zeros;
    private readonly TensorInfo scales;
    private readonly TensorInfo? order;
    private readonly int bits;
    private readonly int groupSize;
    private readonly int zeroOffset;

    /// <summary>Holds the parts against the shape [out, in].</summary>
    public GptqWeight(StoredParts parts, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        codes = parts.Need("qweight", StoredParts.Words, null, outputs);
        bits = KnownBits.FirstOrDefault(known => codes.Shape[0] * WordBits == inputs * known);
        if (bits == 0)
        {
            throw parts.Invalid($"its qweight has {codes.Shape[0]} rows, which hold {inputs} inputs in none of {string.Join(", ", KnownBits)} bits");
        }

        scales = parts.Need("scales", StoredParts.Floats, null, outputs);
        zeros = parts.Need("qzeros", StoredParts.Words, scales.Shape[0], ((outputs * bits) + WordBits - 1) / WordBits);
        order = parts.Has("g_idx") ? parts.Need("g_idx", StoredParts.Integers, inputs) : null;
        groupSize = order is null ? GroupSize.Of(parts, inputs, scales.Shape[0]) : 0;
        zeroOffset = parts.Stated?.Format switch
        {
            null or "gptq" => 1,
            "gptq_v2" => 0,
            string other => throw parts.Invalid($"config.json calls its format '{other}'; gptq and gptq_v2 are read"),
        };
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        (long outputs, long inputs, long groups) = (Shape[0], Shape[1], scales.Shape[0]);
        int[] group = order is null ? [.. Enumerable.Range(0, (int)inputs).Select(input => input / groupSize)] : reader.Groups(order, groups);
        uint* words = reader.Words(codes);
        float* factor = reader.Floats(scales); // [groups, out]
        float* zero = Zeros(reader);           // [groups, out]
        int width = bits;
        uint mask = (1u << width) - 1;
        return (tile, values) =>
        {
            float* column = stackalloc float[Tiles.MostRows];
            for (int place = 0; place < tile.Columns; place++)
            {
                long input = tile.Column + place;
                long bit = input * width;
                uint* source = words + (bit / WordBits * outputs) + tile.Row;
                int shift = (int)(bit % WordBits);

                // Codes of 3 bits cross from a word to the next one of the same output.
                bool crosses = shift + width > WordBits;
                float* s = factor + (group[input] * outputs) + tile.Row;
                float* z = zero + (group[input] * outputs) + tile.Row;
                for (int row = 0; row < tile.Rows; row += Vector<uint>.Count)
                {
                    Vector<uint> code = Vector.Load(source + row) >>> shift;
                    code = crosses ? code | (Vector.Load(source + row + outputs) << (WordBits - shift)) : code;
                    Vector.ConvertToSingle((code & new Vector<uint>(mask)).As<uint, int>()).Store(column + row); // behind the last row there is room
                }

                Tiles.PutColumn(column, z, s, tile.Rows, values + place);
            }
        };
    }

    private float* Zeros(PartReader reader)
    {
        (long groups, long outputs, long width) = (scales.Shape[0], Shape[0], zeros.Shape[1]);
        uint* words = reader.Words(zeros);
        float* values = PartReader.Room(groups * outputs);
        uint mask = (1u << bits) - 1;
        for (long group = 0; group < groups; group++)
        {
            for (long output = 0; output < outputs; output++)
            {
                long bit = output * bits;
                int shift = (int)(bit % WordBits);
                uint* source = words + (group * width) + (bit / WordBits);
                uint code = *source >> shift;
                code = shift + bits > WordBits ? code | (source[1] << (WordBits - shift)) : code;

                // Not taken back into the bits: a stored 15 means 16.
                values[(group * outputs) + output] = (code & mask) + zeroOffset;
            }
        }

        return values;
    }
}
