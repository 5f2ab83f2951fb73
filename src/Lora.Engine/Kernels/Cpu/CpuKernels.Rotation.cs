using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>The rotary position embedding.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void Rotate(Tensor heads, RotationAngles angles, bool backward)
    {
        Rows<TElement> rows = Rows<TElement>.Of(heads);
        long count = heads.shape[1];
        long rotated = heads.shape[2];
        long half = rotated / 2;
        float* table = Rows<float>.Memory<float>(angles.Table);

        // cos is even and sin odd: the opposite angle differs in the sign of sin alone.
        TLanes sign = TLanes.All(backward ? -1f : 1f);
        ParallelRows.For(heads.shape[0], count * rotated, (begin, end) =>
        {
            for (long row = begin * count; row < end * count; row++)
            {
                // All heads of a token turn by the same angles.
                long token = row / count;
                float* cosines = table + (token * 2 * rotated);
                RotateRow(rows[row], cosines, cosines + half, half, sign);
            }
        });
    }

    private static void RotateRow(TElement* head, float* cosine, float* sine, long half, TLanes sign)
    {
        for (long at = 0; at < half; at += TLanes.Count)
        {
            long remaining = half - at;
            TLanes first = Vectors<TLanes, TElement>.Load(head + at, remaining);
            TLanes second = Vectors<TLanes, TElement>.Load(head + half + at, remaining);
            TLanes cos = Wide(cosine + at, remaining);
            TLanes sin = Wide(sine + at, remaining) * sign;

            // (x₁ cos - x₂ sin, x₂ cos + x₁ sin); both halves were read before either is written.
            Vectors<TLanes, TElement>.Store(head + at, remaining, (first * cos) - (second * sin));
            Vectors<TLanes, TElement>.Store(head + half + at, remaining, (second * cos) + (first * sin));
        }
    }
}
