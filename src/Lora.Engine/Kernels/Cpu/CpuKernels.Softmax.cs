using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>The causal softmax of attention.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void SoftmaxForward(Tensor scores, AttentionTile tile, double factor)
    {
        TElement* first = Rows<TElement>.Memory<TElement>(scores);
        long keys = tile.Keys;
        ParallelRows.For(scores.numel() / keys, keys, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                // Scores of keys that a query does not see are not masked but overwritten by zeros, which the products that follow read.
                (int from, int to) = tile.Visible((int)(row % tile.Queries));
                TElement* start = first + (row * keys);
                NativeMemory.Clear(start, (nuint)(from * sizeof(TElement)));
                SoftmaxRow(start + from, to - from, (float)factor);
                NativeMemory.Clear(start + to, (nuint)((keys - to) * sizeof(TElement)));
            }
        });
    }

    /// <inheritdoc/>
    public void SoftmaxBackward(Tensor p, Tensor dp, AttentionTile tile, double factor)
    {
        TElement* probabilities = Rows<TElement>.Memory<TElement>(p);
        TElement* gradients = Rows<TElement>.Memory<TElement>(dp);
        long keys = tile.Keys;
        ParallelRows.For(p.numel() / keys, keys, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                (int from, int to) = tile.Visible((int)(row % tile.Queries));
                TElement* start = gradients + (row * keys);
                NativeMemory.Clear(start, (nuint)(from * sizeof(TElement)));
                SoftmaxGradientRow(probabilities + (row * keys) + from, start + from, to - from, (float)factor);
                NativeMemory.Clear(start + to, (nuint)((keys - to) * sizeof(TElement)));
            }
        });
    }

    /// <summary>A row is whole vectors and a rest; what lies behind the row must not count as a score of zero, so the rest is done by itself.</summary>
    private static void SoftmaxRow(TElement* row, long width, float factor)
    {
        TLanes scale = TLanes.All(factor);

        // factor is positive, so the largest score stays the largest.
        float shift = factor * Largest(row, width);
        float sum = 0;
        TLanes sums = TLanes.All(0f);
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            TLanes value = Vectors<TLanes, TElement>.Exp((TElement.Load<TLanes>(row + at) * scale) - TLanes.All(shift));
            sums += value;
            TElement.Store(row + at, value);
        }

        for (; at < width; at++)
        {
            float value = MathF.Exp((TElement.Get(row + at) * factor) - shift);
            sum += value;
            Vectors<TLanes, TElement>.Store(row + at, 1, TLanes.All(value));
        }

        // The sum is taken in float32 of the values before they were rounded for storing.
        TLanes inverse = TLanes.All(1 / (sum + sums.Sum()));
        for (at = 0; at + TLanes.Count <= width; at += TLanes.Count)
        {
            TElement.Store(row + at, TElement.Load<TLanes>(row + at) * inverse);
        }

        if (at < width)
        {
            Vectors<TLanes, TElement>.Store(row + at, width - at, Vectors<TLanes, TElement>.Load(row + at, width - at) * inverse);
        }
    }

    private static void SoftmaxGradientRow(TElement* p, TElement* dp, long width, float factor)
    {
        TLanes products = TLanes.All(0f);
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            products = AddProduct(p + at, dp + at, TLanes.Count, products);
        }

        products = at < width ? AddProduct(p + at, dp + at, width - at, products) : products;

        // Σ p dp of the row, the mean of dp under p.
        TLanes mean = TLanes.All(products.Sum());
        TLanes scale = TLanes.All(factor);
        for (at = 0; at + TLanes.Count <= width; at += TLanes.Count)
        {
            WriteSoftmaxGradient(p + at, dp + at, mean, scale, TLanes.Count);
        }

        if (at < width)
        {
            WriteSoftmaxGradient(p + at, dp + at, mean, scale, width - at);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes AddProduct(TElement* p, TElement* dp, long remaining, TLanes products) =>
        TLanes.Fused(Vectors<TLanes, TElement>.Load(p, remaining), Vectors<TLanes, TElement>.Load(dp, remaining), products);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteSoftmaxGradient(TElement* p, TElement* dp, TLanes mean, TLanes scale, long remaining)
    {
        TLanes difference = Vectors<TLanes, TElement>.Load(dp, remaining) - mean;
        Vectors<TLanes, TElement>.Store(dp, remaining, Vectors<TLanes, TElement>.Load(p, remaining) * scale * difference);
    }

    private static float Largest(TElement* row, long width)
    {
        float largest = float.NegativeInfinity;
        TLanes all = TLanes.All(largest);
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            all = TLanes.Larger(all, TElement.Load<TLanes>(row + at));
        }

        for (; at < width; at++)
        {
            largest = MathF.Max(largest, TElement.Get(row + at));
        }

        return MathF.Max(largest, all.Largest());
    }
}
