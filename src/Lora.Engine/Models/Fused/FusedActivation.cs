using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What an MLP does between its first product and its last.</summary>
internal abstract class FusedActivation
{
    /// <summary>That of an MLP that the fused step computes.</summary>
    public static FusedActivation Of(MlpShape mlp, IKernels kernels) => mlp switch
    {
        GatedMlpShape gated => new OfGate(gated.Activation, kernels),
        PlainMlpShape plain => new OfOne(Activations.KernelOf(plain.Activation)!.Value, kernels),
        _ => throw new NotSupportedException($"There is no fused step for {mlp.GetType().Name}."),
    };

    /// <summary>Writes what the last product reads.</summary>
    /// <param name="first">What the first gave, [tokens, intermediate], or gate and up side by side, [tokens, 2 intermediate].</param>
    /// <param name="y">[tokens, intermediate]; written.</param>
    public abstract void Forward(Tensor first, Tensor y);

    /// <summary>Writes the gradient at what the first gave.</summary>
    /// <param name="first">Of the forward pass.</param>
    /// <param name="dy">[tokens, intermediate].</param>
    /// <param name="dFirst">Like first; written.</param>
    public abstract void Backward(Tensor first, Tensor dy, Tensor dFirst);

    /// <summary>activation(gate) · up.</summary>
    private sealed class OfGate(GateActivation activation, IKernels kernels) : FusedActivation
    {
        public override void Forward(Tensor first, Tensor y) => kernels.GateForward(activation, first, y);

        public override void Backward(Tensor first, Tensor dy, Tensor dFirst) => kernels.GateBackward(activation, first, dy, dFirst);
    }

    /// <summary>activation(up).</summary>
    private sealed class OfOne(PlainActivation activation, IKernels kernels) : FusedActivation
    {
        public override void Forward(Tensor first, Tensor y) => kernels.ActivationForward(activation, first, y);

        public override void Backward(Tensor first, Tensor dy, Tensor dFirst) => kernels.ActivationBackward(activation, first, dy, dFirst);
    }
}
