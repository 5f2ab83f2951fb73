using System.Runtime.CompilerServices;
using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// Products of a matrix's rows, as they lie in memory, with a few vectors. Decoding is bound by how fast memory gives the matrix, so it is read once, from its
/// beginning to its end, for all vectors. A product is added up in the same order however many vectors there are: what a text says does not hang on those beside it.
/// </summary>
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
    public static float One(TElement* weights, float* x, long width)
    {
        // Two sums, so that one is added to while the other's addition is under way.
        TLanes even = TLanes.All(0), odd = TLanes.All(0);
        long at = 0;
        for (; at + (2 * TLanes.Count) <= width; at += 2 * TLanes.Count)
        {
            even = TLanes.Fused(TElement.Load<TLanes>(weights + at), TLanes.LoadSingle(x + at), even);
            odd = TLanes.Fused(TElement.Load<TLanes>(weights + at + TLanes.Count), TLanes.LoadSingle(x + at + TLanes.Count), odd);
        }

        for (; at < width; at += TLanes.Count)
        {
            even = TLanes.Fused(Vectors<TLanes, TElement>.Load(weights + at, width - at), Wide(x + at, width - at), even);
        }

        return (even + odd).Sum();
    }

    /// <summary>The same of four vectors, whose products are independent and so under way at the same time.</summary>
    private static void Four(TElement* weights, float* x, long width, float* y, long stride)
    {
        float* x1 = x + width, x2 = x1 + width, x3 = x2 + width;
        TLanes even0 = TLanes.All(0), even1 = even0, even2 = even0, even3 = even0, odd0 = even0, odd1 = even0, odd2 = even0, odd3 = even0;
        long at = 0;
        for (; at + (2 * TLanes.Count) <= width; at += 2 * TLanes.Count)
        {
            TLanes weight = TElement.Load<TLanes>(weights + at);
            even0 = TLanes.Fused(weight, TLanes.LoadSingle(x + at), even0);
            even1 = TLanes.Fused(weight, TLanes.LoadSingle(x1 + at), even1);
            even2 = TLanes.Fused(weight, TLanes.LoadSingle(x2 + at), even2);
            even3 = TLanes.Fused(weight, TLanes.LoadSingle(x3 + at), even3);
            long next = at + TLanes.Count;
            weight = TElement.Load<TLanes>(weights + next);
            odd0 = TLanes.Fused(weight, TLanes.LoadSingle(x + next), odd0);
            odd1 = TLanes.Fused(weight, TLanes.LoadSingle(x1 + next), odd1);
            odd2 = TLanes.Fused(weight, TLanes.LoadSingle(x2 + next), odd2);
            odd3 = TLanes.Fused(weight, TLanes.LoadSingle(x3 + next), odd3);
        }

        for (; at < width; at += TLanes.Count)
        {
            TLanes weight = Vectors<TLanes, TElement>.Load(weights + at, width - at);
            even0 = TLanes.Fused(weight, Wide(x + at, width - at), even0);
            even1 = TLanes.Fused(weight, Wide(x1 + at, width - at), even1);
            even2 = TLanes.Fused(weight, Wide(x2 + at, width - at), even2);
            even3 = TLanes.Fused(weight, Wide(x3 + at, width - at), even3);
        }

        y[0] = (even0 + odd0).Sum();
        y[stride] = (even1 + odd1).Sum();
        y[2 * stride] = (even2 + odd2).Sum();
        y[3 * stride] = (even3 + odd3).Sum();
    }

    private static TLanes Wide(float* source, long remaining) => Vectors<TLanes, SingleElement>.Load((SingleElement*)source, remaining);
}
