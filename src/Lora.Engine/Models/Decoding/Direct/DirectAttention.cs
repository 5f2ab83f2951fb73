using System.Runtime.Intrinsics;
using Lora.Kernels;

namespace Lora.Models;

/// <summary>softmax(cap(q kᵀ)) v of one head's one query over keys that lie in a text's cache.</summary>
internal static unsafe class DirectAttention<TLanes, TElement>
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    private const int Lanes = 8;

    /// <summary>The mixed values.</summary>
    /// <param name="query">[headSize], rotated and scaled.</param>
    /// <param name="keys">The head's part of the first key that is seen.</param>
    /// <param name="values">The same of the values.</param>
    /// <param name="stride">From one place to the next.</param>
    /// <param name="count">Keys that are seen.</param>
    /// <param name="headSize">Values of a head.</param>
    /// <param name="cap">Of the scores, or null.</param>
    /// <param name="scores">Room for one of each key.</param>
    /// <param name="mixed">[headSize]; written.</param>
    public static void Mix(float* query, TElement* keys, TElement* values, long stride, int count, int headSize, float? cap, float* scores, float* mixed)
    {
        float largest = float.NegativeInfinity;
        for (int place = 0; place < count; place++)
        {
            scores[place] = DotProducts<TLanes, TElement>.One(keys + (place * stride), query, headSize);
            largest = MathF.Max(largest, scores[place]);
        }

        if (cap is float most)
        {
            RowFunctions<TLanes>.Cap(scores, 1 / most, most, count);
            largest = most * MathF.Tanh(largest / most);
        }

        float share = 1 / RowFunctions<TLanes>.Exponentiate(scores, count, largest);
        int at = 0;
        for (; at + (4 * Lanes) <= headSize; at += 4 * Lanes)
        {
            Four(values + at, stride, scores, count, share, mixed + at);
        }

        for (; at < headSize; at++)
        {
            float sum = 0;
            for (int place = 0; place < count; place++)
            {
                sum += TElement.Get(values + (place * stride) + at) * scores[place];
            }

            mixed[at] = sum * share;
        }
    }

    private static void Four(TElement* values, long stride, float* scores, int count, float share, float* mixed)
    {
        Vector256<float> first = Vector256<float>.Zero, second = first, third = first, fourth = first;
        for (int place = 0; place < count; place++)
        {
            Vector256<float> score = Vector256.Create(scores[place]);
            TElement* value = values + (place * stride);
            first = Vector256.FusedMultiplyAdd(WeightVectors<TElement>.Load256(value), score, first);
            second = Vector256.FusedMultiplyAdd(WeightVectors<TElement>.Load256(value + Lanes), score, second);
            third = Vector256.FusedMultiplyAdd(WeightVectors<TElement>.Load256(value + (2 * Lanes)), score, third);
            fourth = Vector256.FusedMultiplyAdd(WeightVectors<TElement>.Load256(value + (3 * Lanes)), score, fourth);
        }

        Vector256<float> scale = Vector256.Create(share);
        (first * scale).Store(mixed);
        (second * scale).Store(mixed + Lanes);
        (third * scale).Store(mixed + (2 * Lanes));
        (fourth * scale).Store(mixed + (3 * Lanes));
    }
}
