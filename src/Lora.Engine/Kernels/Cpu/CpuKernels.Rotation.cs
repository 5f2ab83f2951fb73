using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>The rotary position embedding.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void Rotate(Tensor heads, Tensor cosine, Tensor sine, bool backward)
    {
        Rows<TElement> rows = Rows<TElement>.Of(heads);
        float* cosines = Rows<float>.Memory<float>(cosine);
        float* sines = Rows<float>.Memory<float>(sine);
        long count = heads.shape[1];
        long half = heads.shape[2] / 2;

        // cos is even and sin odd: the opposite angle differs in the sign of sin alone.
        TLanes sign = TLanes.All(backward ? -1f : 1f);
        ParallelRows.For(heads.shape[0], heads.shape[1] * heads.shape[2], (begin, end) =>
        {
            for (long row = begin * count; row < end * count; row++)
            {
                // All heads of a token turn by the same angles.
                long token = row / count;
                RotateRow(rows[row], cosines + (token * half), sines + (token * half), half, sign);
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
