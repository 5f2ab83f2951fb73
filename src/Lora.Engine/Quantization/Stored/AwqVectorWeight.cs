using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// AWQ as AutoAWQ writes it for its <c>gemv</c> kernels: w = (code - zero) · scale, with eight inputs in a word in their order. <c>qweight</c>
/// [out, in / 8], <c>qzeros</c> [out, words], <c>scales</c> [out, 8 · words]; the words of a row are filled up, so that only config.json tells
/// how many groups there are.
/// </summary>
internal sealed unsafe class AwqVectorWeight : StoredWeight
{
    private const int CodesPerWord = 8;
    private const int CodeBits = 4;

    private readonly TensorInfo codes;
    private readonly TensorInfo zeros;
    private readonly TensorInfo scales;
    private readonly int groupSize;

    /// <summary>Holds the parts against the shape [out, in].</summary>
    public AwqVectorWeight(StoredParts parts, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        groupSize = parts.Stated?.GroupSize ?? throw parts.Invalid("config.json does not state group_size");
        groupSize = groupSize > 0 ? groupSize : (int)inputs; // -1: one group
        long groups = (inputs + groupSize - 1) / groupSize;
        codes = parts.Need("qweight", StoredParts.Words, outputs, inputs % CodesPerWord == 0 ? inputs / CodesPerWord : throw parts.Invalid($"it has {inputs} inputs, and words hold {CodesPerWord}"));
        zeros = parts.Need("qzeros", StoredParts.Words, outputs, null);
        scales = parts.Need("scales", StoredParts.Floats, outputs, zeros.Shape[1] * CodesPerWord);
        if (scales.Shape[1] < groups)
        {
            throw parts.Invalid($"it has {scales.Shape[1]} scales an output for {groups} groups");
        }
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        long width = Shape[1] / CodesPerWord;
        long zeroWidth = zeros.Shape[1];
        int size = groupSize;
        uint* words = reader.Words(codes);
        uint* zero = reader.Words(zeros);
        float* factor = reader.Floats(scales);
        return (tile, values) =>
        {
            for (int row = 0; row < tile.Rows; row++)
            {
                long output = tile.Row + row;
                for (int column = 0; column < tile.Columns; column++)
                {
                    long input = tile.Column + column;
                    long group = input / size;
                    int code = Code(words + (output * width), input) - Code(zero + (output * zeroWidth), group);
                    values[(row * Tiles.Stride) + column] = code * factor[(output * zeroWidth * CodesPerWord) + group];
                }
            }
        };
    }

    private static int Code(uint* words, long index) => (int)(words[index / CodesPerWord] >> (int)(index % CodesPerWord * CodeBits)) & 15;
}
