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

        // One tensor beside logits of 16 bits, and none beside wider ones: each step is written over the one before. log_softmax subtracts the largest
        // logit first, so that exp cannot overflow.
        ScalarType wide = Wide(logits);
        Tensor logarithms = Logarithms(logits, wide); // [places, vocabulary]
        Tensor[] losses = Dispatcher.Call("aten::nll_loss_forward", "", results: 2, tensors: 2, logarithms, targets, OperatorArgument.None, Summed, NoTarget);
        sum.Add(losses[0]);
        Tensor gradient = logarithms.exp_(); // softmax
        Tensor index = targets.unsqueeze(1);
        gradient.scatter_add_(1, index, Arithmetic.Full(index.shape, -1, wide, logits.device)); // softmax - onehot

        // Rounded as it is written.
        ResultInto.Product(logits, gradient, Arithmetic.Full([], factor, wide, logits.device));
    }

    private static Tensor Logarithms(Tensor logits, ScalarType wide)
    {
        // libtorch's softmax on a card widens float16 as it reads, and in 2.10 nothing else (SoftMax.cu).
        if (logits.dtype == ScalarType.Float16 && !IsProcessor(logits.device))
        {
            return Dispatcher.Call("aten::_log_softmax", "", logits, -1L, true);
        }

        Tensor values = logits.to(wide);
        ResultInto.LogSoftmax(values, values);
        return values;
    }
}
