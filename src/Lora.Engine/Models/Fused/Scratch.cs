using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Tensors of one pass: those that are filled here lie on a stack, those that an operator made stay where they are, in the pass's scope.</summary>
internal sealed class Scratch(TensorStack stack) : ITensorPlace
{
    /// <inheritdoc/>
    public Tensor Take(ScalarType type, params long[] shape) => stack.Take(type, shape);

    /// <inheritdoc/>
    public Tensor Adopt(Tensor made) => made;

    /// <summary>Lets everything go that is taken from now on, when the result is disposed of.</summary>
    public TensorStack.Pass Begin() => stack.Begin();
}
