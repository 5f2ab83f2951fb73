using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Cross-entropy with its gradient.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public double CrossEntropy(Tensor logits, Tensor targets, double factor)
    {
        Rows<TElement> rows = Rows<TElement>.Of(logits);
        long* target = Rows<long>.Memory<long>(targets);
        long vocabulary = logits.shape[1];
        double[] losses = new double[logits.shape[0]];
        ParallelRows.For(losses.Length, vocabulary, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                losses[row] = CrossEntropyRow(rows[row], vocabulary, target[row], (float)factor);
            }
        });
        return losses.Sum();
    }

    private static double CrossEntropyRow(TElement* row, long width, long target, float factor)
    {
        float chosen = TElement.Get(row + target);
        double logarithm = LogSumExp(row, width);
        TLanes shift = TLanes.All((float)logarithm);
        TLanes scale = TLanes.All(factor);
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes probability = Vectors<TLanes, TElement>.Exp(Vectors<TLanes, TElement>.Load(row + at, width - at) - shift);
            Vectors<TLanes, TElement>.Store(row + at, width - at, probability * scale);
        }

        double missing = Math.Exp(chosen - logarithm) - 1;
        Vectors<TLanes, TElement>.Store(row + target, 1, TLanes.All((float)(missing * factor)));
        return logarithm - chosen;
    }

    private static double LogSumExp(TElement* row, long width)
    {
        float largest = Largest(row, width);
        TLanes sums = TLanes.All(0f);
        double sum = 0;
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            sums += Vectors<TLanes, TElement>.Exp(TElement.Load<TLanes>(row + at) - TLanes.All(largest));
        }

        for (; at < width; at++)
        {
            sum += Math.Exp(TElement.Get(row + at) - largest);
        }

        return largest + Math.Log(sum + sums.Sum());
    }
}
