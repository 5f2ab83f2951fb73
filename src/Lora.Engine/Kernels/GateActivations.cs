using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>The activations of gated MLPs as libtorch's operators.</summary>
internal static class GateActivations
{
    /// <summary>activation(gate), rounded once; autograd differentiates it.</summary>
    public static Tensor Of(GateActivation activation, Tensor gate)
    {
        if (activation == GateActivation.Silu)
        {
            return nn.functional.silu(gate);
        }

        // The cube of a float16 value overflows beyond 40, and torch's own GELU rounds once at the end.
        Tensor wide = gate.dtype == ScalarType.Float64 ? gate : gate.to(ScalarType.Float32);
        return (wide * Inner(activation, wide).sigmoid()).to(gate.dtype);
    }

    /// <summary>s of <see cref="IGate"/>.</summary>
    public static Tensor Inner(GateActivation activation, Tensor gate) =>
        activation == GateActivation.Silu ? gate : gate * gate.mul(gate).Times(TanhGeluGate.Cubic).Plus(TanhGeluGate.Linear);

    /// <summary>s' of <see cref="IGate"/>.</summary>
    public static Tensor Slope(GateActivation activation, Tensor gate) =>
        activation == GateActivation.Silu ? ones_like(gate) : gate.mul(gate).Times(3 * TanhGeluGate.Cubic).Plus(TanhGeluGate.Linear);
}

/// <summary>What a gated MLP does to its gate.</summary>
internal enum GateActivation
{
    /// <summary>x σ(x).</summary>
    Silu,

    /// <summary>The tanh form of GELU (arXiv 1606.08415), x/2 (1 + tanh u) = x σ(2 u) with u = sqrt(2/π) (x + 0.044715 x³).</summary>
    TanhGelu,
}
