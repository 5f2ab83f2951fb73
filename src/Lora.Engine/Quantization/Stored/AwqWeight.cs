using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// AWQ (arXiv 2306.00978) as AutoAWQ writes it for its <c>gemm</c> kernels: w = (code - zero) · scale. <c>qweight</c> [in, out / 8] and <c>qzeros</c>
/// [groups, out / 8] have the codes of eight outputs in a word, whose 4 bits from the lowest are the outputs 0, 2, 4, 6, 1, 3, 5, 7;
/// <c>scales</c> [groups, out].
/// </summary>
internal sealed unsafe class AwqWeight : StoredWeight
{
    private const int CodesPerWord = 8;

    // Where each of eight outputs has its 4 bits: the packing order read backwards.
    private static readonly int[] Shifts = [0, 16, 4, 20, 8, 24, 12, 28];

    private readonly TensorInfo codes;
    private readonly TensorInfo zeros;
    private readonly TensorInfo scales;
    private readonly int groupSize;

    /// <summary>Holds the parts against the shape [out, in].</summary>
    public AwqWeight(StoredParts parts, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        if (outputs % CodesPerWord != 0)
        {
            throw parts.Invalid($"it has {outputs} outputs, and words hold {CodesPerWord}");
        }

        codes = parts.Need("qweight", StoredParts.Words, inputs, outputs / CodesPerWord);
        scales = parts.Need("scales", StoredParts.Floats, null, outputs);
        zeros = parts.Need("qzeros", StoredParts.Words, scales.Shape[0], outputs / CodesPerWord);
        groupSize = GroupSize.Of(parts, inputs, scales.Shape[0]);
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        long outputs = Shape[0];
        long width = outputs / CodesPerWord;
        int size = groupSize;
        uint* words = reader.Words(codes);
        float* factor = reader.Floats(scales); // [groups, out]
        float* zero = Zeros(reader, width);    // [groups, out]
        return (tile, values) =>
        {
            float* column = stackalloc float[Tiles.MostRows];
            for (int place = 0; place < tile.Columns; place++)
            {
                long input = tile.Column + place;
                uint* source = words + (input * width) + (tile.Row / CodesPerWord); // tiles begin at a word
                float* s = factor + (input / size * outputs) + tile.Row;
                float* z = zero + (input / size * outputs) + tile.Row;
                for (int row = 0; row < tile.Rows; row += CodesPerWord) // tiles end at a word too
                {
                    uint word = source[row / CodesPerWord];
                    for (int output = 0; output < CodesPerWord; output++)
                    {
                        column[row + output] = (int)((word >> Shifts[output]) & 15);
                    }
                }

                Tiles.PutColumn(column, z, s, tile.Rows, values + place);
            }
        };
    }

    private float* Zeros(PartReader reader, long width)
    {
        uint* words = reader.Words(zeros);
        long count = zeros.Shape[0] * width * CodesPerWord;
        float* values = PartReader.Room(count);
        for (long at = 0; at < count; at++)
        {
            // As it is stored: that zeros are one too small is GPTQ's alone.
            values[at] = (words[at / CodesPerWord] >> Shifts[at % CodesPerWord]) & 15;
        }

        return values;
    }
}
