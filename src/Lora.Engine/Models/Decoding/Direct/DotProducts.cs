using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// Products of a matrix's rows, as they lie in memory, with a few vectors. Decoding is bound by how fast memory gives the matrix, so it is read once, from its
/// beginning to its end, for all vectors. A product is added up in the same order however many vectors there are: what a text says does not hang on those beside it.
/// </summary>
/// <typeparam name="TLanes">Says by how many values at a time.</typeparam>
/// <typeparam name="TElement">What the matrix is of.</typeparam>
internal static unsafe class DotProducts<TLanes, TElement>
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    private const int Together = 4;

    /// <summary>y = x Wᵀ for some of W's rows.</summary>
    /// <param name="matrix">The first of W's rows, [.., width].</param>
    /// <param name="width">Values of a row.</param>
    /// <param name="x">[vectors, width].</param>
    /// <param name="vectors">How many.</param>
    /// <param name="y">[vectors, stride].</param>
    /// <param name="stride">From one vector's results to the next one's.</param>
    /// <param name="begin">The first of the rows.</param>
    /// <param name="end">The one after the last.</param>
    public static void Rows(TElement* matrix, long width, float* x, int vectors, float* y, long stride, long begin, long end)
    {
        for (long row = begin; row < end; row++)
        {
            TElement* weights = matrix + (row * width);
            int vector = 0;
            for (; vector + Together <= vectors; vector += Together)
            {
                Four(weights, x + (vector * width), width, y + (vector * stride) + row, stride);
            }

            for (; vector < vectors; vector++)
            {
                y[(vector * stride) + row] = One(weights, x + (vector * width), width);
            }
        }
    }

    /// <summary>The product of a row and a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float One(TElement* weights, float* x, long width) => TLanes.Count == Vector512<float>.Count ? One512(weights, x, width) : One256(weights, x, width);

    /// <summary>The same of four vectors, whose products are independent and so under way at the same time.</summary>
    private static void Four(TElement* weights, float* x, long width, float* y, long stride)
    {
        if (TLanes.Count == Vector512<float>.Count)
        {
            Four512(weights, x, width, y, stride);
        }
        else
        {
            Four256(weights, x, width, y, stride);
        }
    }

    // Two sums, so that one is added to while the other's addition is under way; with four vectors there are eight.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float One512(TElement* weights, float* x, long width)
    {
        const int Lanes = 16;
        Vector512<float> even = Vector512<float>.Zero, odd = even;
        long at = 0;
        for (; at + (2 * Lanes) <= width; at += 2 * Lanes)
        {
            even = Vector512.FusedMultiplyAdd(WeightVectors<TElement>.Load512(weights + at), Vector512.Load(x + at), even);
            odd = Vector512.FusedMultiplyAdd(WeightVectors<TElement>.Load512(weights + at + Lanes), Vector512.Load(x + at + Lanes), odd);
        }

        if (at + Lanes <= width)
        {
            even = Vector512.FusedMultiplyAdd(WeightVectors<TElement>.Load512(weights + at), Vector512.Load(x + at), even);
            at += Lanes;
        }

        return Vector512.Sum(even + odd) + End(weights, x, at, width);
    }

    private static void Four512(TElement* weights, float* x, long width, float* y, long stride)
    {
        const int Lanes = 16;
        float* x1 = x + width, x2 = x1 + width, x3 = x2 + width;
        Vector512<float> even0 = Vector512<float>.Zero, even1 = even0, even2 = even0, even3 = even0, odd0 = even0, odd1 = even0, odd2 = even0, odd3 = even0;
        long at = 0;
        for (; at + (2 * Lanes) <= width; at += 2 * Lanes)
        {
            Vector512<float> weight = WeightVectors<TElement>.Load512(weights + at), next = WeightVectors<TElement>.Load512(weights + at + Lanes);
            even0 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x + at), even0);
            even1 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x1 + at), even1);
            even2 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x2 + at), even2);
            even3 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x3 + at), even3);
            odd0 = Vector512.FusedMultiplyAdd(next, Vector512.Load(x + at + Lanes), odd0);
            odd1 = Vector512.FusedMultiplyAdd(next, Vector512.Load(x1 + at + Lanes), odd1);
            odd2 = Vector512.FusedMultiplyAdd(next, Vector512.Load(x2 + at + Lanes), odd2);
            odd3 = Vector512.FusedMultiplyAdd(next, Vector512.Load(x3 + at + Lanes), odd3);
        }

        if (at + Lanes <= width)
        {
            Vector512<float> weight = WeightVectors<TElement>.Load512(weights + at);
            even0 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x + at), even0);
            even1 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x1 + at), even1);
            even2 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x2 + at), even2);
            even3 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x3 + at), even3);
            at += Lanes;
        }

        y[0] = Vector512.Sum(even0 + odd0) + End(weights, x, at, width);
        y[stride] = Vector512.Sum(even1 + odd1) + End(weights, x1, at, width);
        y[2 * stride] = Vector512.Sum(even2 + odd2) + End(weights, x2, at, width);
        y[3 * stride] = Vector512.Sum(even3 + odd3) + End(weights, x3, at, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float One256(TElement* weights, float* x, long width)
    {
        const int Lanes = 8;
        Vector256<float> even = Vector256<float>.Zero, odd = even;
        long at = 0;
        for (; at + (2 * Lanes) <= width; at += 2 * Lanes)
        {
            even = Vector256.FusedMultiplyAdd(WeightVectors<TElement>.Load256(weights + at), Vector256.Load(x + at), even);
            odd = Vector256.FusedMultiplyAdd(WeightVectors<TElement>.Load256(weights + at + Lanes), Vector256.Load(x + at + Lanes), odd);
        }

        return Vector256.Sum(even + odd) + End(weights, x, at, width);
    }

    private static void Four256(TElement* weights, float* x, long width, float* y, long stride)
    {
        const int Lanes = 8;
        float* x1 = x + width, x2 = x1 + width, x3 = x2 + width;
        Vector256<float> even0 = Vector256<float>.Zero, even1 = even0, even2 = even0, even3 = even0, odd0 = even0, odd1 = even0, odd2 = even0, odd3 = even0;
        long at = 0;
        for (; at + (2 * Lanes) <= width; at += 2 * Lanes)
        {
            Vector256<float> weight = WeightVectors<TElement>.Load256(weights + at), next = WeightVectors<TElement>.Load256(weights + at + Lanes);
            even0 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(x + at), even0);
            even1 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(x1 + at), even1);
            even2 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(x2 + at), even2);
            even3 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(x3 + at), even3);
            odd0 = Vector256.FusedMultiplyAdd(next, Vector256.Load(x + at + Lanes), odd0);
            odd1 = Vector256.FusedMultiplyAdd(next, Vector256.Load(x1 + at + Lanes), odd1);
            odd2 = Vector256.FusedMultiplyAdd(next, Vector256.Load(x2 + at + Lanes), odd2);
            odd3 = Vector256.FusedMultiplyAdd(next, Vector256.Load(x3 + at + Lanes), odd3);
        }

        y[0] = Vector256.Sum(even0 + odd0) + End(weights, x, at, width);
        y[stride] = Vector256.Sum(even1 + odd1) + End(weights, x1, at, width);
        y[2 * stride] = Vector256.Sum(even2 + odd2) + End(weights, x2, at, width);
        y[3 * stride] = Vector256.Sum(even3 + odd3) + End(weights, x3, at, width);
    }

    /// <summary>What the last values of a row add, of which there are fewer than a vector's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float End(TElement* weights, float* x, long at, long width)
    {
        float sum = 0;
        for (; at < width; at++)
        {
            sum += TElement.Get(weights + at) * x[at];
        }

        return sum;
    }
}
