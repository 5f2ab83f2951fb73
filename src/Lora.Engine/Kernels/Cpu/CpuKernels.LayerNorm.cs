using System.Runtime.CompilerServices;

namespace Lora.Kernels;

/// <content>Rows of the norm that takes the mean away.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    private static (float Mean, float Scale) LayerNormRow(TElement* x, float* weight, float* shift, double epsilon, TElement* y, long width)
    {
        TLanes sum = TLanes.All(0f);
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            sum += TElement.Load<TLanes>(x + at);
        }

        sum = at < width ? sum + Vectors<TLanes, TElement>.Load(x + at, width - at) : sum;
        float mean = (float)((double)sum.Sum() / width);

        // Twice over the row, which is in the cache: the mean of the squares less the square of the mean would lose what a large mean hides.
        TLanes away = TLanes.All(mean);
        TLanes squares = TLanes.All(0f);
        for (at = 0; at + TLanes.Count <= width; at += TLanes.Count)
        {
            TLanes value = TElement.Load<TLanes>(x + at) - away;
            squares = TLanes.Fused(value, value, squares);
        }

        // One by one: the zeros that a vector has behind the row's end are as far from the mean as any other value.
        double rest = 0;
        for (; at < width; at++)
        {
            double value = TElement.Get(x + at) - mean;
            rest += value * value;
        }

        // In double: once a row it costs nothing, and the quotient is rounded once.
        float scale = (float)(1 / Math.Sqrt(((squares.Sum() + rest) / width) + epsilon));
        for (at = 0; at + TLanes.Count <= width; at += TLanes.Count)
        {
            WriteLayerNorm(x + at, weight + at, shift + at, away, scale, y + at, TLanes.Count);
        }

        if (at < width)
        {
            WriteLayerNorm(x + at, weight + at, shift + at, away, scale, y + at, width - at);
        }

        return (mean, scale);
    }

    private static void LayerNormGradientRow(TElement* x, float* weight, float mean, float scale, TElement* dy, TElement* dx, long width, bool accumulate)
    {
        TLanes away = TLanes.All(mean);
        (TLanes sum, TLanes products) = (TLanes.All(0f), TLanes.All(0f));
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            AddGradient(x + at, weight + at, away, dy + at, TLanes.Count, ref sum, ref products);
        }

        if (at < width)
        {
            AddGradient(x + at, weight + at, away, dy + at, width - at, ref sum, ref products);
        }

        // How far the gradient points along a constant and along x - mean, which the norm takes out.
        TLanes along = TLanes.All(products.Sum() / width * scale * scale);
        TLanes level = TLanes.All(sum.Sum() / width);
        for (at = 0; at + TLanes.Count <= width; at += TLanes.Count)
        {
            WriteLayerNormGradient(x + at, weight + at, away, scale, level, along, dy + at, dx + at, TLanes.Count, accumulate);
        }

        if (at < width)
        {
            WriteLayerNormGradient(x + at, weight + at, away, scale, level, along, dy + at, dx + at, width - at, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteLayerNorm(TElement* x, float* weight, float* shift, TLanes away, float scale, TElement* y, long remaining)
    {
        TLanes normal = (Vectors<TLanes, TElement>.Load(x, remaining) - away) * TLanes.All(scale);
        Vectors<TLanes, TElement>.Store(y, remaining, TLanes.Fused(normal, Wide(weight, remaining), Wide(shift, remaining)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddGradient(TElement* x, float* weight, TLanes away, TElement* dy, long remaining, ref TLanes sum, ref TLanes products)
    {
        // Behind the row's end dy is zero, so that nothing is added there.
        TLanes weighted = Vectors<TLanes, TElement>.Load(dy, remaining) * Wide(weight, remaining);
        sum += weighted;
        products = TLanes.Fused(weighted, Vectors<TLanes, TElement>.Load(x, remaining) - away, products);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteLayerNormGradient(
        TElement* x, float* weight, TLanes away, float scale, TLanes level, TLanes along, TElement* dy, TElement* dx, long remaining, bool accumulate)
    {
        TLanes weighted = Vectors<TLanes, TElement>.Load(dy, remaining) * Wide(weight, remaining);

        // x is read again and dy may be dx: a value is written only after both were loaded.
        TLanes result = (weighted - level - ((Vectors<TLanes, TElement>.Load(x, remaining) - away) * along)) * TLanes.All(scale);
        Vectors<TLanes, TElement>.Store(dx, remaining, accumulate ? result + Vectors<TLanes, TElement>.Load(dx, remaining) : result);
    }
}
