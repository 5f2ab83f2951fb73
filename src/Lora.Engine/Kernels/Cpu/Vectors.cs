using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lora.Kernels;

/// <summary>Loads, stores and functions over lanes, with rows whose end need not fill a vector.</summary>
internal static unsafe class Vectors<TLanes, TElement>
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    private const int MostLanes = 16;

    /// <summary>The values at a place of a row; zeros behind the row's end.</summary>
    /// <param name="source">The first value.</param>
    /// <param name="remaining">Values from there to the row's end.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(TElement* source, long remaining) =>
        remaining >= TLanes.Count ? TElement.Load<TLanes>(source) : LoadEnd(source, remaining);

    /// <summary>Writes values at a place of a row, none behind its end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TElement* destination, long remaining, TLanes values)
    {
        if (remaining >= TLanes.Count)
        {
            TElement.Store(destination, values);
        }
        else
        {
            StoreEnd(destination, remaining, values);
        }
    }

    /// <summary>eˣ within two units in the last place, for x clamped to [-87, 88].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Exp(TLanes x)
    {
        // x = n ln 2 + r; ln 2 is split in two, so that n · (its upper part) is exact.
        // The constants stand on the left because a comparison with NaN gives the right operand: NaN has to come through.
        x = TLanes.Smaller(TLanes.All(88f), TLanes.Larger(TLanes.All(-87f), x));
        TLanes n = TLanes.Round(x * TLanes.All(1.44269504f));
        TLanes r = TLanes.Fused(n, TLanes.All(-0.693145752f), x);
        r = TLanes.Fused(n, TLanes.All(-1.42860677e-6f), r);

        // The Taylor series: on [-ln 2 / 2, ln 2 / 2] its next term is below float32's resolution.
        TLanes sum = TLanes.All(1f / 720);
        sum = TLanes.Fused(sum, r, TLanes.All(1f / 120));
        sum = TLanes.Fused(sum, r, TLanes.All(1f / 24));
        sum = TLanes.Fused(sum, r, TLanes.All(1f / 6));
        sum = TLanes.Fused(sum, r, TLanes.All(1f / 2));
        sum = TLanes.Fused(sum, r, TLanes.All(1f));
        sum = TLanes.Fused(sum, r, TLanes.All(1f));
        return sum * TLanes.PowerOfTwo(n);
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Sigmoid(TLanes x) => TLanes.All(1f) / (TLanes.All(1f) + Exp(TLanes.All(0f) - x));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TLanes LoadEnd(TElement* source, long count)
    {
        // A load beyond the row's end could cross into memory that is not ours, so the end goes through a full vector on the stack.
        TElement* whole = stackalloc TElement[MostLanes];
        NativeMemory.Clear(whole, (nuint)(MostLanes * sizeof(TElement)));
        NativeMemory.Copy(source, whole, (nuint)(count * sizeof(TElement)));
        return TElement.Load<TLanes>(whole);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreEnd(TElement* destination, long count, TLanes values)
    {
        TElement* whole = stackalloc TElement[MostLanes];
        TElement.Store(whole, values);
        NativeMemory.Copy(whole, destination, (nuint)(count * sizeof(TElement)));
    }
}
