using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Cross-entropy, with its gradient or alone.</content>
internal sealed partial class TorchKernels
{
    // As float32 they stay in a processor's cache.
    private const long WideRows = 16;

    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, double? factor, Tensor sum)
    {
        if (!IsProcessor(logits.device) || logits.dtype == Wide(logits))
        {
            CrossEntropyInPlace(logits, targets, factor, sum);
            return;
        }

        // A processor's log_softmax adds up in the dtype that it is given.
        for (long row = 0; row < logits.shape[0]; row += WideRows)
        {
            using DisposeScope scope = NewDisposeScope();
            long rows = Math.Min(WideRows, logits.shape[0] - row);
            Tensor some = logits.narrow(0, row, rows);
            Tensor wide = some.to(ScalarType.Float32);
            CrossEntropyInPlace(wide, targets.narrow(0, row, rows), factor, sum);
            _ = factor is null ? some : some.copy_(wide);
        }
    }

    /// <summary>The same in the logits' own memory and dtype, by operators that compute in float32 on a card.</summary>
    internal static void CrossEntropyInPlace(Tensor logits, Tensor targets, double? factor, Tensor sum)
    {
        using DisposeScope scope = NewDisposeScope();

        // A row is read whole before it is written over (SoftMax.cu, and a test for processors); its largest logit is subtracted first, so that exp cannot overflow.
        ResultInto.LogSoftmax(logits, logits); // [places, vocabulary]
        Tensor index = targets.unsqueeze(1);
        Tensor right = logits.gather(1, index); // [places, 1]
        sum.Add(right.sum(type: ScalarType.Float64), -1);
        if (factor is not double scale)
        {
            return;
        }

        // The target's entry by itself: 1 taken off a rounded p near 1 would lose what is left to learn there.
        logits.exp_().scatter_(1, index, right.expm1_()); // softmax - onehot
        logits.Multiply(scale);
    }
}
