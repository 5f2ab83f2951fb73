using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Outputs times a number of their own.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    // Sums of so many outputs stay in a core's nearest cache while all tokens go by; of fewer, threads share lines of it.
    private const long MostTogether = 1024;
    private const long FewestTogether = 64;

    /// <inheritdoc/>
    public void ScaleForward(Tensor z, Tensor scale, Tensor? shift, Tensor? residual, Tensor y)
    {
        Rows<TElement> inputs = Rows<TElement>.Of(z);
        Rows<TElement> added = residual is null ? default : Rows<TElement>.Of(residual);
        Rows<TElement> outputs = Rows<TElement>.Of(y);
        float* scales = Rows<float>.Memory<float>(scale);
        float* shifts = shift is null ? null : Rows<float>.Memory<float>(shift);
        bool isAdded = residual is not null;
        long width = z.shape[1];
        ParallelRows.For(z.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                ScaleRow(inputs[row], scales, shifts, isAdded ? added[row] : null, outputs[row], width);
            }
        });
    }

    /// <inheritdoc/>
    public void ScaleBackward(Tensor dy, Tensor scale, Tensor z, Tensor sums)
    {
        Rows<TElement> gradients = Rows<TElement>.Of(dy);
        Rows<TElement> values = Rows<TElement>.Of(z);
        float* scales = Rows<float>.Memory<float>(scale);
        float* totals = Rows<float>.Memory<float>(sums);
        (long tokens, long width) = (z.shape[0], z.shape[1]);

        // By outputs and not by tokens: a sum never leaves its thread and hangs on its own output alone, so it is the same with any number of them.
        long share = width / get_num_threads() / FewestTogether * FewestTogether;
        long piece = Math.Clamp(share, FewestTogether, MostTogether);
        ParallelRows.For((width + piece - 1) / piece, tokens * piece, (begin, end) =>
        {
            for (long at = begin * piece; at < Math.Min(end * piece, width); at += piece)
            {
                long count = Math.Min(piece, width - at);
                new Span<float>(totals + at, (int)count).Clear();
                for (long row = 0; row < tokens; row++)
                {
                    ScaleGradientRow(gradients[row] + at, scales + at, values[row] + at, totals + at, count);
                }
            }
        });
    }

    private static void ScaleRow(TElement* z, float* scale, float* shift, TElement* residual, TElement* y, long width)
    {
        for (long at = 0; at < width; at += TLanes.Count)
        {
            long remaining = width - at;
            TLanes addend = residual is null ? TLanes.All(0f) : Vectors<TLanes, TElement>.Load(residual + at, remaining);
            addend = shift is null ? addend : addend + Wide(shift + at, remaining);
            Vectors<TLanes, TElement>.Store(y + at, remaining, TLanes.Fused(Vectors<TLanes, TElement>.Load(z + at, remaining), Wide(scale + at, remaining), addend));
        }
    }

    private static void ScaleGradientRow(TElement* dy, float* scale, TElement* z, float* sums, long width)
    {
        for (long at = 0; at < width; at += TLanes.Count)
        {
            long remaining = width - at;
            TLanes gradient = Vectors<TLanes, TElement>.Load(dy + at, remaining);
            TLanes sum = TLanes.Fused(gradient, Vectors<TLanes, TElement>.Load(z + at, remaining), Wide(sums + at, remaining));
            Vectors<TLanes, SingleElement>.Store((SingleElement*)(sums + at), remaining, sum);
            Vectors<TLanes, TElement>.Store(z + at, remaining, gradient * Wide(scale + at, remaining));
        }
    }
}
