using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>AdamW; its values are float32 whatever the activations are.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    // Values that one call of a thread takes at least.
    private const long AdamBlock = 4096;

    /// <inheritdoc/>
    public void Adam(Tensor values, Tensor mean, Tensor variance, Tensor gradients, AdamStep step, Tensor skip)
    {
        if (*Rows<float>.Memory<float>(skip) != 0)
        {
            return;
        }

        SingleElement* p = Rows<SingleElement>.Memory<SingleElement>(values);
        SingleElement* m = Rows<SingleElement>.Memory<SingleElement>(mean);
        SingleElement* v = Rows<SingleElement>.Memory<SingleElement>(variance);
        SingleElement* g = Rows<SingleElement>.Memory<SingleElement>(gradients);

        // One long row cut into blocks: every value is by itself, so the cuts do not change results.
        long count = values.numel();
        ParallelRows.For((count + AdamBlock - 1) / AdamBlock, AdamBlock, (begin, end) =>
        {
            long first = begin * AdamBlock;
            AdamRange(p + first, m + first, v + first, g + first, Math.Min(count, end * AdamBlock) - first, step);
        });
    }

    private static void AdamRange(SingleElement* values, SingleElement* mean, SingleElement* variance, SingleElement* gradients, long count, AdamStep step)
    {
        TLanes decay = TLanes.All((float)step.Decay);
        TLanes beta1 = TLanes.All((float)step.Beta1);
        TLanes rest1 = TLanes.All((float)(1 - step.Beta1));
        TLanes beta2 = TLanes.All((float)step.Beta2);
        TLanes rest2 = TLanes.All((float)(1 - step.Beta2));
        TLanes rate = TLanes.All((float)-step.Rate);
        TLanes inverseRoot = TLanes.All((float)(1 / step.VarianceRoot));
        TLanes epsilon = TLanes.All((float)step.Epsilon);
        for (long at = 0; at < count; at += TLanes.Count)
        {
            long left = count - at;
            TLanes g = Vectors<TLanes, SingleElement>.Load(gradients + at, left);
            TLanes m = TLanes.Fused(Vectors<TLanes, SingleElement>.Load(mean + at, left), beta1, g * rest1); // β₁m + (1-β₁)g
            TLanes v = TLanes.Fused(Vectors<TLanes, SingleElement>.Load(variance + at, left), beta2, g * g * rest2); // β₂v + (1-β₂)g²

            // Decoupled decay: the value shrinks first, whatever its gradient.
            TLanes p = Vectors<TLanes, SingleElement>.Load(values + at, left) * decay;

            // ε is added after the bias correction of the root, as torch.optim.AdamW does; before it, first steps would differ.
            TLanes denominator = TLanes.Fused(TLanes.SquareRoot(v), inverseRoot, epsilon);
            Vectors<TLanes, SingleElement>.Store(mean + at, left, m);
            Vectors<TLanes, SingleElement>.Store(variance + at, left, v);
            Vectors<TLanes, SingleElement>.Store(values + at, left, TLanes.Fused(rate, m / denominator, p));
        }
    }
}
