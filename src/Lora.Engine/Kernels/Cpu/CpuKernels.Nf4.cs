using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Values of 4-bit matrices.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void Dequantize(Nf4Matrix matrix, Tensor y)
    {
        byte* codes = Rows<byte>.Memory<byte>(matrix.Codes);
        byte* magnitudes = Rows<byte>.Memory<byte>(matrix.Magnitudes);
        float* scales = Rows<float>.Memory<float>(matrix.Scales);
        TElement* values = Rows<TElement>.Memory<TElement>(y);
        long count = y.numel();
        float[] dynamic = DynamicCode.Values;
        ParallelRows.For(Nf4Matrix.BlocksOf(count), Nf4Matrix.BlockValues, (begin, end) =>
        {
            // A block at a time in float32, scaled there and rounded once to the dtype of y.
            float* unscaled = stackalloc float[Nf4Matrix.BlockValues];
            for (long block = begin; block < end; block++)
            {
                // The magnitudes are quantised themselves: their code times their group's scale, plus the mean that was taken off.
                float scale = (dynamic[magnitudes[block]] * scales[block / Nf4Matrix.GroupBlocks]) + matrix.Mean;
                long first = block * Nf4Matrix.BlockValues;
                Nf4Code.Unpack(codes + (block * Nf4Matrix.BlockBytes), Nf4Matrix.BlockBytes, unscaled); // the codes' values in [-1, 1]
                ScaleBlock(unscaled, scale, values + first, Math.Min(Nf4Matrix.BlockValues, count - first));
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
