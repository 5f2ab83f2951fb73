using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// What becomes of the outputs of layers that share an input where an adapter changes more than a product adds: y = g ⊙ (x Wᵀ + s (x Aᵀ) Bᵀ) + b + c. Where g is
/// trained, it is written anew for each batch (<see cref="MagnitudeScale"/>).
/// </summary>
internal sealed class OutputChange : IDisposable
{
    private readonly MagnitudeScale? magnitudes;

    private OutputChange(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors)
    {
        using IDisposable noGradient = no_grad();
        magnitudes = MagnitudeScale.Of(frozen, factors);
        Scale = Joined(found => found.Scale, 1);
        Shift = frozen.Bias is not null || factors.Any(found => found is { Scale: not null } or { Shift: not null }) ? Joined(found => found.Shift, 0) : null;
        if (frozen.Bias is Tensor bias)
        {
            Shift!.Add(bias);
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

    /// <summary>Whether g is of trained values.</summary>
    public bool IsTrained => magnitudes is not null;

    /// <summary>Bytes that are made in passing.</summary>
    public long Passing => magnitudes?.Passing ?? 0;

    /// <summary>b + c, [all outputs], float32; null where neither is there and g is trained.</summary>
    public Tensor? Shift { get; }

    /// <summary>The change of layers; null where products alone are added.</summary>
    /// <param name="frozen">The base layers.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    public static OutputChange? Of(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors) =>
        factors.Any(found => found is { Scale: not null } or { Shift: not null } or { Magnitude: not null }) ? new(frozen, factors) : null;

    /// <summary>Takes note that the trained values have changed.</summary>
    public void Refresh() => magnitudes?.Refresh();

    /// <summary>Makes g of the trained values, once after each <see cref="Refresh"/>.</summary>
    /// <param name="weight">W, [all outputs, in].</param>
    public void Prepare(Tensor weight) => magnitudes?.Write(weight, Scale);

    /// <summary>Makes the outputs.</summary>
    /// <param name="kernels">Of the device and dtype.</param>
    /// <param name="z">x Wᵀ + s (x Aᵀ) Bᵀ, [tokens, all outputs].</param>
    /// <param name="residual">What is added behind them, like z; null for nothing.</param>
    /// <param name="y">Like z; written. May be z itself.</param>
    public void Apply(IKernels kernels, Tensor z, Tensor? residual, Tensor y) => kernels.ScaleForward(z, Scale, Shift, residual, y);

    /// <summary>Adds up the gradients of m.</summary>
    /// <param name="kernels">Of the device and dtype.</param>
    /// <param name="dy">[tokens, all outputs].</param>
    /// <param name="z">As in the forward pass; becomes its gradient.</param>
    /// <returns>The gradient at z.</returns>
    public Tensor Backward(IKernels kernels, Tensor dy, Tensor z)
    {
        using Tensor sums = empty_like(Scale);
        kernels.ScaleBackward(dy, Scale, z, sums);
        magnitudes!.AddGradients(sums);
        return z;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        magnitudes?.Dispose();
        Scale.Dispose();
        Shift?.Dispose();
    }
}
