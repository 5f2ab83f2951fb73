using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>gpt-oss' gate: (u + 1) · g σ(slope · g) with g at most the limit and u between both of its signs; g and u lie in turns.</summary>
/// <param name="Limit">swiglu_limit.</param>
/// <param name="Slope">swiglu_alpha.</param>
internal sealed record ClampedGate(double Limit, double Slope)
{
    /// <summary>[tokens, 2 · width], whose even columns are the gate -> [tokens, width].</summary>
    public Tensor Of(Tensor joined)
    {
        Tensor pairs = joined.unflatten(1, joined.shape[1] / 2, 2); // [tokens, width, 2]
        Tensor gate = pairs.select(-1, 0).AtMost(Limit);
        Tensor up = pairs.select(-1, 1).Clamped(Limit);
        return up.Plus(1) * gate * gate.Times(Slope).sigmoid();
    }
}
