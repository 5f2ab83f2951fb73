using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Cross-entropy with its gradient.</content>
internal sealed partial class TorchKernels
{
    // at::Reduction, and the class that counts for none in torch.
    private const long Summed = 2;
    private const long NoTarget = -100;

    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, double factor, Tensor sum)
    {
        using DisposeScope scope = NewDisposeScope();

        // log_softmax subtracts the largest logit first, so that exp cannot overflow.
        ScalarType wide = Wide(logits);
        Tensor logarithms = logits.to(wide).log_softmax(-1); // [places, vocabulary]
        Tensor[] losses = Dispatcher.Call("aten::nll_loss_forward", "", results: 2, tensors: 2, logarithms, targets, OperatorArgument.None, Summed, NoTarget);
        sum.Add(losses[0]);
        Tensor gradient = logarithms.exp_(); // softmax
        Tensor index = targets.unsqueeze(1);
        gradient.scatter_add_(1, index, Arithmetic.Full(index.shape, -1, wide, logits.device)); // softmax - onehot

        // Rounded as it is written.
        ResultInto.Product(logits, gradient, Arithmetic.Full([], factor, wide, logits.device));
    }
}
