using System.Numerics;
using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>
/// Quantises as bitsandbytes' kernels do: a value times the reciprocal of its block's magnitude meets the boundaries. A block of zeros gets the
/// code of zero, where bitsandbytes divides by zero.
/// </summary>
/// <remarks>
/// It takes a float32 matrix and gives codes and scales that equal bitsandbytes', so that an adapter trained here fits a base that is
/// quantised there. It needs no package and no GPU; the way back is a kernel (<see cref="IKernels.Dequantize"/>).
/// </remarks>
internal static unsafe class Nf4Quantizer
{
    /// <summary>Quantises a matrix.</summary>
    /// <param name="values">[out, in], float32, contiguous, on the CPU.</param>
    /// <param name="dataType">The dtype that the values will be taken in.</param>
    /// <param name="room">Where the codes go, uint8, as many bytes as they take; the matrix owns it from now on. Null for memory of their own.</param>
    /// <returns>The matrix, on the CPU, which the caller owns.</returns>
    public static FourBitMatrix Quantize(Tensor values, ScalarType dataType, Tensor? room = null)
    {
        using DisposeScope scope = NewDisposeScope();
        long count = values.numel();
        long blocks = Nf4Layout.BlocksOf(count);
        Tensor codes = room ?? empty([blocks * Nf4Layout.BlockBytes], dtype: ScalarType.Byte, device: CPU);
        Tensor magnitudes = empty([blocks], dtype: ScalarType.Float32, device: CPU); // the largest of each block
        float* source = Rows<float>.Memory<float>(values);
        byte* packed = Rows<byte>.Memory<byte>(codes);
        float* largest = Rows<float>.Memory<float>(magnitudes);
        ParallelRows.For(blocks, Nf4Layout.BlockValues, (begin, end) =>
        {
            for (long block = begin; block < end; block++)
            {
                long first = block * Nf4Layout.BlockValues;

                // Blocks go on from row to row: the matrix is one run of values, as it is for bitsandbytes.
                largest[block] = Block(source + first, Math.Min(Nf4Layout.BlockValues, count - first), packed + (block * Nf4Layout.BlockBytes));
            }
        });

        // Magnitudes are all positive: less their mean they use both signs of the dynamic code.
        float mean = magnitudes.mean().ToSingle();
        (Tensor magnitudeCodes, Tensor scales) = Magnitudes(magnitudes.Add(-mean));
        return Nf4Layout.Matrix(
            values.shape, dataType, codes.DetachFromDisposeScope(), magnitudeCodes.DetachFromDisposeScope(), scales.DetachFromDisposeScope(), mean);
    }

    /// <summary>Packs a block, filled up with zeros; gives its magnitude.</summary>
    private static float Block(float* values, long count, byte* codes)
    {
        if (count < Nf4Layout.BlockValues)
        {
            // Only the matrix's last block; zeros do not raise its magnitude and have a code that is exact.
            float* whole = stackalloc float[Nf4Layout.BlockValues];
            new Span<float>(whole, Nf4Layout.BlockValues).Clear();
            new Span<float>(values, (int)count).CopyTo(new Span<float>(whole, Nf4Layout.BlockValues));
            return Block(whole, Nf4Layout.BlockValues, codes);
        }

        // Lane by lane first, across the lanes once.
        Vector<float> largest = Vector<float>.Zero;
        for (int at = 0; at < Nf4Layout.BlockValues; at += Vector<float>.Count)
        {
            largest = Vector.Max(largest, Vector.Abs(Vector.Load(values + at)));
        }

        float magnitude = 0;
        for (int lane = 0; lane < Vector<float>.Count; lane++)
        {
            magnitude = Math.Max(magnitude, largest[lane]);
        }

        // Times the reciprocal, not divided: at a boundary the two round to different codes, and bitsandbytes multiplies.
        Nf4Code.Pack(values, Nf4Layout.BlockValues, Reciprocal(magnitude), codes);
        return magnitude;
    }

    private static (Tensor Codes, Tensor Scales) Magnitudes(Tensor centred)
    {
        long blocks = centred.numel();
        Tensor codes = zeros([Nf4Layout.GroupsOf(blocks) * Nf4Layout.GroupBlocks], dtype: ScalarType.Byte, device: CPU);
        Tensor scales = empty([Nf4Layout.GroupsOf(blocks)], dtype: ScalarType.Float32, device: CPU);
        float* source = Rows<float>.Memory<float>(centred);
        byte* nearest = Rows<byte>.Memory<byte>(codes);
        float* largest = Rows<float>.Memory<float>(scales);
        ParallelRows.For(scales.numel(), Nf4Layout.GroupBlocks, (begin, end) =>
        {
            for (long group = begin; group < end; group++)
            {
                long first = group * Nf4Layout.GroupBlocks;
                long last = Math.Min(first + Nf4Layout.GroupBlocks, blocks);
                float scale = 0;
                for (long block = first; block < last; block++)
                {
                    scale = Math.Max(scale, Math.Abs(source[block]));
                }

                float factor = Reciprocal(scale);
                for (long block = first; block < last; block++)
                {
                    // Less the mean, over the group's largest: in [-1, 1], where the dynamic code is.
                    nearest[block] = DynamicCode.Nearest(source[block] * factor);
                }

                largest[group] = scale;
            }
        });
        return (codes, scales);
    }

    // 0 for a block of zeros: every value then gets the code of zero, and its magnitude makes it zero again.
    private static float Reciprocal(float magnitude) => magnitude > 0 ? 1 / magnitude : 0;
}
