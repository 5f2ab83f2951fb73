using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Cross-entropy, with its gradient or alone.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, double? factor, Tensor sum)
    {
        Rows<TElement> rows = Rows<TElement>.Of(logits);
        long* target = Rows<long>.Memory<long>(targets);
        long vocabulary = logits.shape[1];

        // A loss a row, added up in one order afterwards: sums by thread would hang on how rows were shared out.
        double[] losses = new double[logits.shape[0]];
        ParallelRows.For(losses.Length, vocabulary, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                losses[row] = CrossEntropyRow(rows[row], vocabulary, target[row], (float?)factor);
            }
        });
        *Rows<double>.Memory<double>(sum) += losses.Sum();
    }

    private static double CrossEntropyRow(TElement* row, long width, long target, float? factor)
    {
        float chosen = TElement.Get(row + target); // before the row is overwritten
        double logarithm = LogSumExp(row, width);
        if (factor is float scale)
        {
            WriteGradient(row, width, target, chosen, logarithm, scale);
        }

        return logarithm - chosen;
    }

    private static void WriteGradient(TElement* row, long width, long target, float chosen, double logarithm, float factor)
    {
        TLanes shift = TLanes.All((float)logarithm);
        TLanes scale = TLanes.All(factor);
        for (long at = 0; at < width; at += TLanes.Count)
        {
            // softmax = exp(logit - logsumexp): one pass, and no division.
            TLanes probability = Vectors<TLanes, TElement>.Exp(Vectors<TLanes, TElement>.Load(row + at, width - at) - shift);
            Vectors<TLanes, TElement>.Store(row + at, width - at, probability * scale);
        }

        // The target's entry by itself, in double: p rounded to bfloat16 first, and 1 taken off then, would lose what is left to learn of a p near 1.
        double missing = Math.Exp(chosen - logarithm) - 1;
        Vectors<TLanes, TElement>.Store(row + target, 1, TLanes.All((float)(missing * factor)));
    }

    private static double LogSumExp(TElement* row, long width)
    {
        // exp of what is at most 0 cannot overflow.
        float largest = Largest(row, width);
        TLanes sums = TLanes.All(0f);
        double sum = 0;
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            sums += Vectors<TLanes, TElement>.Exp(TElement.Load<TLanes>(row + at) - TLanes.All(largest));
        }

        // The end one by one: a vector filled up with zeros would count them as logits of 0.
        for (; at < width; at++)
        {
            sum += Math.Exp(TElement.Get(row + at) - largest);
        }

        // The logarithm in double: the loss is its difference to one logit, and small where the model is sure.
        return largest + Math.Log(sum + sums.Sum());
    }
}
