namespace Lora.Kernels;

/// <summary>What a gated MLP does to its gate.</summary>
internal enum GateActivation
{
    /// <summary>x σ(x).</summary>
    Silu,

    /// <summary>The tanh form of GELU (arXiv 1606.08415), x/2 (1 + tanh u) = x σ(2 u) with u = sqrt(2/π) (x + 0.044715 x³).</summary>
    TanhGelu,
}
