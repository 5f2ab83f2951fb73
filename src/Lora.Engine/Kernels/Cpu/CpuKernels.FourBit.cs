using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Values of 4-bit matrices.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void Dequantize(FourBitStack stack, Tensor y)
    {
        TElement* values = Rows<TElement>.Memory<TElement>(y);
        foreach (FourBitMatrix matrix in stack.Matrices)
        {
            long count = matrix.Shape[0] * matrix.Shape[1];
            Dequantize(matrix, values, count);
            values += count;
        }
    }

    private static void Dequantize(FourBitMatrix matrix, TElement* values, long count)
    {
        NestedMagnitudes? nested = matrix.Magnitudes.Nested;
        byte* codes = Rows<byte>.Memory<byte>(matrix.Codes);
        byte* magnitudes = Rows<byte>.Memory<byte>(matrix.Magnitudes.Values);
        float* scales = nested is null ? null : Rows<float>.Memory<float>(nested.Scales);
        float* means = nested is null ? null : Rows<float>.Memory<float>(nested.Means);
        (int size, int bytes) = (matrix.BlockValues, matrix.BlockBytes);
        ParallelRows.For(matrix.Blocks, size, (begin, end) =>
        {
            // A block at a time in float32, scaled there and rounded once to the dtype of y.
            float* unscaled = stackalloc float[size];
            for (long block = begin; block < end; block++)
            {
                // Where the magnitudes are quantised themselves: their code times their group's scale, plus the mean that was taken off.
                float scale = nested is null ? ((float*)magnitudes)[block]
                    : (nested.Map[magnitudes[block]] * scales[block / nested.GroupBlocks]) + means[block / nested.GroupBlocks];
                long first = block * size;
                matrix.Code.Unpack(codes + (block * bytes), bytes, unscaled); // the codes' values in [-1, 1]
                ScaleBlock(unscaled, scale, values + first, Math.Min(size, count - first));
            }
        });
    }

    private static void ScaleBlock(float* unscaled, float scale, TElement* values, long count)
    {
        TLanes factor = TLanes.All(scale);
        for (long at = 0; at < count; at += TLanes.Count)
        {
            Vectors<TLanes, TElement>.Store(values + at, count - at, TLanes.LoadSingle(unscaled + at) * factor);
        }
    }
}
