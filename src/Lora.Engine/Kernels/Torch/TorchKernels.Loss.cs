using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Cross-entropy with its gradient.</content>
internal sealed partial class TorchKernels
{
    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, double factor, Tensor sum)
    {
        using DisposeScope scope = NewDisposeScope();

        // log_softmax subtracts the largest logit first, so that exp cannot overflow.
        Tensor logarithms = logits.to(Wide(logits)).log_softmax(-1); // [places, vocabulary]
        Tensor index = targets.unsqueeze(1);
        sum.Add(logarithms.gather(1, index).sum(), -1);
        Tensor gradient = logarithms.exp_(); // softmax
        gradient.scatter_add_(1, index, ones_like(index, dtype: gradient.dtype).neg_()); // softmax - onehot
        logits.copy_(gradient.Multiply(factor));
    }
}
