using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Dropout.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void Drop(Tensor x, double probability, ulong seed, Tensor y, bool accumulate = false)
    {
        Rows<TElement> inputs = Rows<TElement>.Of(x);
        Rows<TElement> outputs = Rows<TElement>.Of(y);
        long width = x.shape[1];
        ParallelRows.For(x.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                // A value's place among all values, so that the draws do not hang on which thread has the row.
                DropRow(inputs[row], outputs[row], width, row * width, (float)probability, seed, accumulate);
            }
        });
    }

    private static void DropRow(TElement* x, TElement* y, long width, long first, float probability, ulong seed, bool accumulate)
    {
        TLanes bound = TLanes.All(probability);

        // So that the expectation of y is x and nothing changes when dropout is off.
        TLanes factor = TLanes.All(1 / (1 - probability));
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes value = Vectors<TLanes, TElement>.Load(x + at, width - at) * factor;

            // Places beyond 32 bits begin again from 0: the same draws, far apart.
            TLanes kept = TLanes.WhereAtLeast(value, TLanes.Uniform((uint)(first + at), seed), bound);
            Vectors<TLanes, TElement>.Store(y + at, width - at, accumulate ? kept + Vectors<TLanes, TElement>.Load(y + at, width - at) : kept);
        }
    }
}
