using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A norm before or behind a block's attention or MLP; where the family has none in that place, rows go on as they are.</summary>
/// <param name="weight">Null for none.</param>
/// <param name="epsilon">Added to the mean of the squares.</param>
/// <param name="kernels">What computes it.</param>
internal sealed class FusedNorm(NormWeight? weight, double epsilon, IKernels kernels)
{
    /// <summary>Whether the family has one here.</summary>
    public bool IsThere => weight is not null;

    /// <summary>The rows normalised.</summary>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="place">Where they go.</param>
    /// <param name="statePlace">Where a number or two of each row go, so that the backward pass does not take the sums again.</param>
    /// <returns>Like x, and those; x itself and null where there is no norm.</returns>
    public (Tensor Normal, NormState? State) Forward(Tensor x, TensorStack place, TensorStack statePlace) =>
        weight is null ? (x, null) : kernels.NormForward(x, weight, epsilon, place, statePlace);

    /// <summary>The gradient at what was normalised, of the one at the result, which stays as it is.</summary>
    /// <param name="dNormal">[tokens, hidden].</param>
    /// <param name="given">What was normalised, and its numbers; null where there is no norm.</param>
    /// <param name="place">Where it goes.</param>
    /// <returns>Like dNormal; itself where there is no norm.</returns>
    public Tensor Backward(Tensor dNormal, (Tensor Value, NormState State)? given, TensorStack place) =>
        weight is null ? dNormal : kernels.NormBackward(given!.Value.Value, weight, given.Value.State, dNormal, place);

    /// <summary>Adds the gradient at what was normalised to the one that the residual has already.</summary>
    /// <param name="x">What was normalised, [tokens, hidden].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="dNormal">At the result, like x; null where nothing asks for it.</param>
    /// <param name="gradient">Like x; added to.</param>
    public void AddBackward(Tensor x, NormState? state, Tensor? dNormal, Tensor gradient)
    {
        if (dNormal is not null && weight is not null)
        {
            kernels.NormBackward(x, weight, state!, dNormal, gradient, accumulate: true);
        }
        else if (dNormal is not null)
        {
            gradient.Add(dNormal);
        }
    }
}
