using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Linear layers that share an input x, with their adapters: y = x Wᵀ + b + (x Aᵀ) Bᵀ, where A holds the adapters' A one below the other and B
/// their s · B on its diagonal. Neither B A nor a gradient of W is ever formed. With dropout each adapter sees an x of its own, which is made
/// again in the backward pass and never kept.
/// </summary>
internal sealed class AdaptedProduct : IDisposable
{
    private readonly JoinedWeights frozen;
    private readonly IReadOnlyList<AdaptedPart> parts;
    private readonly IKernels kernels;
    private readonly TensorStack scratch;
    private readonly Tensor? down;
    private readonly Tensor? up;

    /// <param name="frozen">The base layers.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    /// <param name="kernels">For the weights' device and dtype.</param>
    /// <param name="scratch">For what a pass makes.</param>
    /// <param name="alignment">The multiple at which each adapter's place begins; null for the device's.</param>
    public AdaptedProduct(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors, IKernels kernels, TensorStack scratch, int? alignment = null)
    {
        this.frozen = frozen;
        this.kernels = kernels;
        this.scratch = scratch;
        HasDropout = factors.Any(found => found?.DropProbability > 0);

        // A's one below the other and B's on the diagonal: two thin products, however many layers share x.
        (parts, Rank) = AdaptedPart.Of(frozen.Outputs, factors, alignment ?? AdaptedPart.AlignmentOn(frozen.Device));
        if (IsAdapted)
        {
            // Zeros for good: gaps between aligned adapters, and all that lies off B's diagonal, are never written.
            down = zeros([Rank, frozen.Shape[1]], dtype: frozen.DataType, device: frozen.Device).DetachFromDisposeScope(); // [rank, in]
            up = zeros([frozen.Shape[0], Rank], dtype: frozen.DataType, device: frozen.Device).DetachFromDisposeScope(); // [all outputs, rank]
        }
    }

    /// <summary>Whether any of the layers is adapted.</summary>
    public bool IsAdapted => parts.Count > 0;

    /// <summary>Whether inputs of adapters are ever dropped.</summary>
    public bool HasDropout { get; }

    /// <summary>Told of x, [tokens, in], before each forward pass; null for nobody.</summary>
    public Action<Tensor>? OnInput { get; set; }

    private bool IsDropping => parts.Any(part => part.Seed is not null);

    /// <summary>The ranks of the adapters, added up, with what lies between them.</summary>
    public long Rank { get; }

    /// <summary>Takes over the trained values as they are now, in the dtype of the base weights, and draws anew what is dropped.</summary>
    public void Refresh()
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (AdaptedPart part in parts)
        {
            // The optimiser changed A and B in float32 since the last batch.
            part.Write(down!, up!);
        }

        Redraw();
    }

    /// <summary>Draws anew what is dropped; forward and backward passes until the next draw drop the same.</summary>
    public void Redraw()
    {
        foreach (AdaptedPart part in parts)
        {
            part.Redraw();
        }
    }

    /// <summary>Writes the layers' outputs side by side.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="y">[tokens, all outputs]; written.</param>
    /// <param name="lowPlace">Where x Aᵀ goes.</param>
    /// <param name="residual">What is added to them, like y; null for nothing.</param>
    /// <returns>x Aᵀ, [tokens, rank], which the backward pass needs; null when nothing is adapted.</returns>
    public Tensor? Forward(Tensor x, Tensor y, TensorStack lowPlace, Tensor? residual = null)
    {
        OnInput?.Invoke(x);

        // The large product first: quantised weights have their values only until the next are asked for.
        FrozenProduct.Forward(x, frozen.Values(), frozen.Bias, residual, y);
        Tensor? low = Reduce(x, lowPlace);
        if (low is not null)
        {
            // One thin product adds all adapters at once, in place; B A, as large as W, is never formed.
            y.addmm_(low, up!.t());
        }

        return low;
    }

    /// <summary>x Aᵀ alone, [tokens, rank]; null when nothing is adapted.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="place">Where it goes.</param>
    public Tensor? Reduce(Tensor x, TensorStack place)
    {
        if (!IsAdapted)
        {
            return null;
        }

        Tensor low = place.Take(x.dtype, x.shape[0], Rank); // [tokens, rank]
        if (!IsDropping)
        {
            // beta 0 means that what the memory held before is not read, NaN included.
            low.addmm_(x, down!.t(), beta: 0, alpha: 1);
            return low;
        }

        // The gaps are multiplied with zeros of B below, and zero times what memory held may be NaN.
        low.zero_();
        foreach (AdaptedPart part in parts)
        {
            using DisposeScope scope = NewDisposeScope();
            using TensorStack.Pass pass = scratch.Begin();
            part.ColumnsOf(low).copy_(nn.functional.linear(Dropped(x, part), part.RowsOf(down!)));
        }

        return low;
    }

    /// <summary>Adds up the gradients of the adapters: dB = s dyᵀ(x Aᵀ), dA = (s dy B)ᵀ x; writes dx = dy W + (s dy B) A.</summary>
    /// <param name="dy">[tokens, all outputs].</param>
    /// <param name="x">[tokens, in]; not read when nothing is adapted.</param>
    /// <param name="low">Of the forward pass.</param>
    /// <param name="dx">[tokens, in]; null when nothing before these layers learns.</param>
    public void Backward(Tensor dy, Tensor? x, Tensor? low, Tensor? dx)
    {
        if (dx is not null)
        {
            // dx = dy W first, which writes; the adapters' share is added to it.
            FrozenProduct.Backward(dy, frozen.Values(), dx);
        }

        if (!IsAdapted)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        Tensor dLow = scratch.Take(dy.dtype, dy.shape[0], Rank); // scaled

        // s is in B already, so dA and dx come out scaled; dB multiplies by it itself.
        dLow.addmm_(dy, up!, beta: 0, alpha: 1);
        Tensor? dDown = null; // [rank, in]
        if (!IsDropping)
        {
            dx?.addmm_(dLow, down!);
            dDown = dLow.t().mm(x!);
        }

        foreach (AdaptedPart part in parts)
        {
            // Layer by layer: one product dyᵀ(x Aᵀ) would mostly compute what lies off the diagonal.
            part.AddUp(dy, low!);
            if (dDown is not null)
            {
                part.AddDown(part.RowsOf(dDown));
            }
            else
            {
                AddDropped(part, dLow, x!, dx);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        down?.Dispose();
        up?.Dispose();
    }

    /// <summary>The gradients of A and of x where an adapter saw a dropped x.</summary>
    private void AddDropped(AdaptedPart part, Tensor dLow, Tensor x, Tensor? dx)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        Tensor gradient = part.ColumnsOf(dLow); // [tokens, rank]
        Tensor dropped = Dropped(x, part); // [tokens, in], the same as in the forward pass
        part.AddDown(gradient.t().mm(dropped));
        if (dx is not null)
        {
            Tensor back = dropped; // [tokens, in]; x is needed no longer
            back.addmm_(gradient, part.RowsOf(down!), beta: 0, alpha: 1);

            // The mask is linear, so the gradient goes through the same one.
            part.Drop(back, kernels, back);
            dx.Add(back);
        }
    }

    private Tensor Dropped(Tensor x, AdaptedPart part)
    {
        Tensor dropped = scratch.Take(x.dtype, x.shape);
        part.Drop(x, kernels, dropped);
        return dropped;
    }
}
