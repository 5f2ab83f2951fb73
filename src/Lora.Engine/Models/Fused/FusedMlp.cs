using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A block's MLP up to its last product: s activation(gate) · up, or s activation(up), with s the block's residual scale.</summary>
/// <param name="weights">The block's.</param>
/// <param name="first">gate and up, or up alone.</param>
/// <param name="down">The last product.</param>
/// <param name="kernels">For the weights' device and dtype.</param>
/// <param name="scratch">For what a pass makes.</param>
internal sealed class FusedMlp(FusedLayerWeights weights, AdaptedProduct first, AdaptedProduct down, IKernels kernels, TensorStack scratch)
{
    private readonly FusedActivation activation = FusedActivation.Of(weights.Block.Mlp, kernels);
    private readonly double scale = weights.Block.ResidualScale;

    /// <summary>What the last product reads, and what it was made of.</summary>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="activePlace">Where what the last product reads goes.</param>
    /// <returns>What the first product gave, [tokens, 2 intermediate] or without a gate half of it, null where it is made again, what that keeps, and [tokens, intermediate].</returns>
    public (Tensor? First, ProductState? State, Tensor Active) Forward(Tensor x, TensorStack place, TensorStack activePlace)
    {
        // As it comes out of its product: the backward pass makes the activation's slope again from it. Scaled, it is made again itself where it can be.
        bool isAgain = first.HasOutputsAgain;
        Tensor values = (isAgain ? scratch : place).Take(x.dtype, x.shape[0], weights.GateUp.Shape[0]);
        ProductState? state = first.Forward(x, values, place);
        return (isAgain ? null : values, state, Activate(values, activePlace.Take(x.dtype, x.shape[0], weights.Down.Shape[1])));
    }

    /// <summary>The backward pass of the last product and the activation.</summary>
    /// <param name="branch">The gradient at what the last product gave, [tokens, hidden].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="needsFirst">Whether something at or below the first product learns.</param>
    /// <returns>The gradient at what the first product gave, on the scratch; null where nobody needs it.</returns>
    public Tensor? Backward(Tensor branch, LayerState state, bool needsFirst)
    {
        // Below, so that dActive, on top of it, is gone before the first product's gradient is taken: they never lie there together. What was not kept for the
        // last product is made again in its room, which is written when that was read.
        Tensor values = state.GateUp ?? first.Outputs(state.GateUpState!, scratch);
        Tensor gradient = scratch.Take(values.dtype, values.shape);
        Tensor? active = state.Active ?? (down.IsAdapted ? Activate(values, gradient.view(-1, gradient.shape[0], weights.Down.Shape[1])[0]) : null); // [tokens, intermediate]
        if (!needsFirst)
        {
            // Nothing but the last product learns from here on: its A and B, and no more.
            down.Backward(branch, active, state.DownState, dx: null);
            return null;
        }

        using TensorStack.Pass pass = scratch.Begin();
        Tensor dActive = scratch.Take(branch.dtype, branch.shape[0], weights.Down.Shape[1]); // [tokens, intermediate]
        down.Backward(branch, active, state.DownState, dActive);
        Scale(dActive);
        activation.Backward(values, dActive, gradient);
        return gradient;
    }

    private Tensor Activate(Tensor values, Tensor y)
    {
        activation.Forward(values, y);
        Scale(y);
        return y;
    }

    /// <summary>What goes into the last product, or the gradient that comes out of it.</summary>
    private void Scale(Tensor values)
    {
        if (scale != 1)
        {
            values.Multiply(scale);
        }
    }
}
