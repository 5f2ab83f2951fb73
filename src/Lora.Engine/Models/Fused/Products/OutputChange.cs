using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What becomes of the outputs of layers that share an input where an adapter changes more than a product adds: y = g ⊙ (x Wᵀ + s (x Aᵀ) Bᵀ) + b + c.</summary>
internal sealed class OutputChange : IDisposable
{
    private OutputChange(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors)
    {
        using IDisposable noGradient = no_grad();
        Scale = Joined(found => found.Scale, 1);
        Shift = Joined(found => found.Shift, 0);
        if (frozen.Bias is Tensor bias)
        {
            Shift.Add(bias);
        }

        Tensor Joined(Func<LowRankFactors, Tensor?> own, double otherwise)
        {
            Tensor joined = Arithmetic.Full([frozen.Shape[0]], otherwise, ScalarType.Float32, frozen.Device).DetachFromDisposeScope();
            long first = 0;
            foreach ((long outputs, LowRankFactors? found) in frozen.Outputs.Zip(factors))
            {
                if (found is not null && own(found) is Tensor values)
                {
                    using Tensor part = joined.narrow(0, first, outputs);
                    part.copy_(values);
                }

                first += outputs;
            }

            return joined;
        }
    }

    /// <summary>g, [all outputs], float32.</summary>
    public Tensor Scale { get; }

    /// <summary>b + c, [all outputs], float32.</summary>
    public Tensor Shift { get; }

    /// <summary>The change of layers; null where products alone are added.</summary>
    /// <param name="frozen">The base layers.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    public static OutputChange? Of(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors) =>
        factors.Any(found => found is { Scale: not null } or { Shift: not null }) ? new(frozen, factors) : null;

    /// <summary>Changes outputs in their place.</summary>
    /// <param name="y">x Wᵀ + s (x Aᵀ) Bᵀ, [tokens, all outputs].</param>
    /// <param name="residual">What is added behind it, like y; null for nothing.</param>
    public void Apply(Tensor y, Tensor? residual)
    {
        y.mul_(Scale).Add(Shift);
        if (residual is not null)
        {
            y.Add(residual);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Scale.Dispose();
        Shift.Dispose();
    }
}
