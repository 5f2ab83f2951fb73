using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>The activations of gated MLPs as libtorch's operators, in the dtype that they are given.</summary>
internal static class GateActivations
{
    /// <summary>activation(gate); autograd differentiates it.</summary>
    public static Tensor Of(GateActivation activation, Tensor gate) =>
        activation == GateActivation.Silu ? nn.functional.silu(gate) : gate * Inner(activation, gate).sigmoid();

    /// <summary>s of <see cref="IGate"/>.</summary>
    public static Tensor Inner(GateActivation activation, Tensor gate) =>
        activation == GateActivation.Silu ? gate : gate * gate.mul(gate).Times(TanhGeluGate.Cubic).Plus(TanhGeluGate.Linear);

    /// <summary>s' of <see cref="IGate"/>.</summary>
    public static Tensor Slope(GateActivation activation, Tensor gate) =>
        activation == GateActivation.Silu ? ones_like(gate) : gate.mul(gate).Times(3 * TanhGeluGate.Cubic).Plus(TanhGeluGate.Linear);
}
