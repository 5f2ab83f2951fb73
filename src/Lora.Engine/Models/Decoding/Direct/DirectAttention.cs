using Lora.Kernels;

namespace Lora.Models;

/// <summary>softmax(q kᵀ) v of one head's one query over keys that lie in a text's cache.</summary>
internal static unsafe class DirectAttention<TLanes, TElement>
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>The mixed values.</summary>
    /// <param name="query">[headSize], rotated and scaled.</param>
    /// <param name="keys">The head's part of the first key that is seen.</param>
    /// <param name="values">The same of the values.</param>
    /// <param name="stride">From one place to the next.</param>
    /// <param name="count">Keys that are seen.</param>
    /// <param name="headSize">Values of a head.</param>
    /// <param name="scores">Room for one of each key.</param>
    /// <param name="mixed">[headSize]; written.</param>
    public static void Mix(float* query, TElement* keys, TElement* values, long stride, int count, int headSize, float* scores, float* mixed)
    {
        float largest = float.NegativeInfinity;
        for (int place = 0; place < count; place++)
        {
            scores[place] = DotProducts<TLanes, TElement>.One(keys + (place * stride), query, headSize);
            largest = MathF.Max(largest, scores[place]);
        }

        float share = 1 / RowFunctions<TLanes>.Exponentiate(scores, count, largest);
        int at = 0;
        for (; at + (4 * TLanes.Count) <= headSize; at += 4 * TLanes.Count)
        {
            Four(values + at, stride, scores, count, share, mixed + at);
        }

        for (; at < headSize; at += TLanes.Count)
        {
            One(values + at, stride, scores, count, share, mixed + at, headSize - at);
        }
    }

    private static void Four(TElement* values, long stride, float* scores, int count, float share, float* mixed)
    {
        TLanes first = TLanes.All(0), second = first, third = first, fourth = first;
        for (int place = 0; place < count; place++)
        {
            TLanes score = TLanes.All(scores[place]);
            TElement* value = values + (place * stride);
            first = TLanes.Fused(TElement.Load<TLanes>(value), score, first);
            second = TLanes.Fused(TElement.Load<TLanes>(value + TLanes.Count), score, second);
            third = TLanes.Fused(TElement.Load<TLanes>(value + (2 * TLanes.Count)), score, third);
            fourth = TLanes.Fused(TElement.Load<TLanes>(value + (3 * TLanes.Count)), score, fourth);
        }

        TLanes scale = TLanes.All(share);
        (first * scale).StoreSingle(mixed);
        (second * scale).StoreSingle(mixed + TLanes.Count);
        (third * scale).StoreSingle(mixed + (2 * TLanes.Count));
        (fourth * scale).StoreSingle(mixed + (3 * TLanes.Count));
    }

    private static void One(TElement* values, long stride, float* scores, int count, float share, float* mixed, int remaining)
    {
        TLanes sum = TLanes.All(0);
        for (int place = 0; place < count; place++)
        {
            sum = TLanes.Fused(Vectors<TLanes, TElement>.Load(values + (place * stride), remaining), TLanes.All(scores[place]), sum);
        }

        Vectors<TLanes, SingleElement>.Store((SingleElement*)mixed, remaining, sum * TLanes.All(share));
    }
}
