using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Linear layers that share an input x, with their adapters: y = x Wᵀ + b + (x Aᵀ) Bᵀ, where A holds the adapters' A one below the other and B
/// their s · B on its diagonal. Neither B A nor a gradient of W is ever formed.
/// </summary>
internal sealed class AdaptedProduct : IDisposable
{
    private readonly JoinedWeights frozen;
    private readonly IReadOnlyList<AdaptedPart> parts;
    private readonly Tensor? down;
    private readonly Tensor? up;

    /// <param name="frozen">The base layers.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    public AdaptedProduct(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors)
    {
        this.frozen = frozen;
        parts = [.. AdaptedPart.Of(frozen.Outputs, factors)];
        if (parts.Count > 0)
        {
            down = empty([Rank, frozen.Shape[1]], dtype: frozen.DataType, device: frozen.Device).DetachFromDisposeScope();
            up = zeros([frozen.Shape[0], Rank], dtype: frozen.DataType, device: frozen.Device).DetachFromDisposeScope();
        }
    }

    /// <summary>Whether any of the layers is adapted.</summary>
    public bool IsAdapted => parts.Count > 0;

    /// <summary>The ranks of the adapters, added up.</summary>
    public long Rank => parts.Sum(part => part.Factors.Rank);

    /// <summary>Takes over the trained values as they are now, in the dtype of the base weights.</summary>
    public void Refresh()
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (AdaptedPart part in parts)
        {
            part.RowsOf(down!).copy_(part.Factors.Down);
            part.BlockOf(up!).copy_(part.Factors.Up.Times(part.Factors.Scaling));
        }
    }

    /// <summary>The layers' outputs side by side.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <returns>y, [tokens, all outputs], and x Aᵀ, [tokens, rank], which the backward pass needs; null when nothing is adapted.</returns>
    public (Tensor Output, Tensor? Low) Forward(Tensor x)
    {
        Tensor y = FrozenProduct.Forward(x, frozen.Values());
        if (frozen.Bias is not null)
        {
            y.Add(frozen.Bias);
        }

        if (!IsAdapted)
        {
            return (y, null);
        }

        Tensor low = Reduce(x)!;
        y.addmm_(low, up!.t());
        return (y, low);
    }

    /// <summary>x Aᵀ alone, [tokens, rank]; null when nothing is adapted.</summary>
    /// <param name="x">[tokens, in].</param>
    public Tensor? Reduce(Tensor x) => IsAdapted ? nn.functional.linear(x, down!) : null;

    /// <summary>Adds up the gradients of the adapters: dB = s dyᵀ(x Aᵀ), dA = (s dy B)ᵀ x; dx = dy W + (s dy B) A.</summary>
    /// <param name="dy">[tokens, all outputs].</param>
    /// <param name="x">[tokens, in]; not read when nothing is adapted.</param>
    /// <param name="low">Of the forward pass.</param>
    /// <param name="needsInput">Whether anything before these layers learns.</param>
    /// <returns>dx, [tokens, in]; null when it is not needed.</returns>
    public Tensor? Backward(Tensor dy, Tensor? x, Tensor? low, bool needsInput)
    {
        Tensor? dx = needsInput ? FrozenProduct.Backward(dy, frozen.Values()) : null;
        if (IsAdapted)
        {
            Tensor dLow = dy.mm(up!); // [tokens, rank], scaled
            dx?.addmm_(dLow, down!);
            Tensor dDown = dLow.t().mm(x!); // [rank, in]
            foreach (AdaptedPart part in parts)
            {
                part.Factors.DownGradient.Add(part.RowsOf(dDown));
                Tensor dUp = part.ColumnsOf(low!).t().mm(part.OutputsOf(dy)); // [rank, out]
                part.Factors.UpGradient.Add(dUp.t(), part.Factors.Scaling);
            }
        }

        return dx;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        down?.Dispose();
        up?.Dispose();
    }
}
