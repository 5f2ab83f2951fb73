using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Linear layers that share an input x, with their adapters: y = x Wᵀ + b + s (x Aᵀ) Bᵀ, where A holds the adapters' A one below the other, one thin
/// product, and each B adds to its own layer's outputs. Neither B A nor a gradient of W is ever formed. With dropout each adapter sees an x of its own,
/// which is made again in the backward pass and never kept. Where magnitudes are trained, what the products give is kept, and the outputs are made of it.
/// </summary>
internal sealed class AdaptedProduct : IDisposable
{
    private readonly JoinedWeights frozen;
    private readonly IReadOnlyList<AdaptedPart> parts;
    private readonly IKernels kernels;
    private readonly TensorStack scratch;
    private readonly float scaling;
    private readonly bool hasGaps;
    private readonly bool isWritten;
    private readonly bool isBatched;
    private readonly JointDropout? jointDropout;
    private readonly OwnDropout ownDropout;
    private readonly OutputChange? change;
    private readonly Tensor? down; // all A, [rank, in]
    private readonly Tensor? downGradient; // like it

    /// <param name="frozen">The base layers.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    /// <param name="kernels">For the weights' device and dtype.</param>
    /// <param name="scratch">For what a pass makes.</param>
    /// <param name="alignment">The multiple at which each adapter's place begins; null for the device's.</param>
    /// <param name="working">All trained values in the products' dtype, of which a batch writes each gradient once; null to have copies, and to add.</param>
    public AdaptedProduct(
        JoinedWeights frozen,
        IReadOnlyList<LowRankFactors?> factors,
        IKernels kernels,
        TensorStack scratch,
        int? alignment = null,
        IReadOnlyDictionary<Tensor, WorkingValues>? working = null)
    {
        this.frozen = frozen;
        this.kernels = kernels;
        this.scratch = scratch;
        (parts, Rank) = AdaptedPart.Of(frozen, factors, alignment ?? AdaptedPart.AlignmentOn(frozen.Device), working);
        scaling = (float)AdaptedPart.Scaling(factors);
        change = OutputChange.Of(frozen, factors);
        ownDropout = new(parts, kernels, scratch, scaling);
        hasGaps = Rank > parts.Sum(part => part.Width);
        if (!IsAdapted)
        {
            return;
        }

        // A's that lie side by side are one matrix already.
        isWritten = hasGaps || !LieSideBySide(parts, frozen.Shape[1]);

        // A batched product writes, and a processor is better served by plain ones.
        isBatched = kernels.MakesResults && parts.All(part => part.Working is { IsOwn: false });

        // Where outputs are scaled, layers see their own x̃ by W too, and products with rows of W are no batch.
        jointDropout = IsScaled ? null : JointDropout.Of(parts, kernels, scratch, scaling);
        DroppedWidth = parts.Any(part => part.DropProbability > 0) ? (jointDropout is null ? 1 : parts.Count) * frozen.Shape[1] : 0;

        // Zeros for good: gaps between aligned adapters are never written.
        down = isWritten
            ? zeros([Rank, frozen.Shape[1]], dtype: frozen.DataType, device: frozen.Device).DetachFromDisposeScope()
            : AdaptedPart.Matrix(parts[0].Working!.Values, parts[0].Place, Rank, frozen.Shape[1]);
        downGradient = isWritten ? null : AdaptedPart.Matrix(parts[0].Working!.Gradients, parts[0].Place, Rank, frozen.Shape[1]);
    }

    /// <summary>Whether any of the layers is adapted.</summary>
    public bool IsAdapted => parts.Count > 0;

    /// <summary>Values of a token as adapters see it, of those that are dropped at once; 0 where none ever are.</summary>
    public long DroppedWidth { get; }

    /// <summary>Values of a token as the products give them, before magnitudes scale them, which are kept; 0 where no magnitude is trained.</summary>
    public long UnscaledWidth => IsScaled ? frozen.Shape[0] : 0;

    /// <summary>Whether the outputs can be made of them (<see cref="Outputs"/>): with dropout they have more in them.</summary>
    public bool HasOutputsAgain => IsScaled && DroppedWidth == 0;

    /// <summary>Bytes that are made in passing beside that.</summary>
    public long Passing => change?.Passing ?? 0;

    /// <summary>Told of x, [tokens, in], before each forward pass; null for nobody.</summary>
    public Action<Tensor>? OnInput { get; set; }

    private bool IsScaled => change is { IsTrained: true };

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
            part.WriteUp();
            if (isWritten)
            {
                part.WriteDown(down!);
            }
        }

        change?.Refresh();
        Redraw();
    }

    /// <summary>Draws anew what is dropped; forward and backward passes until the next draw drop the same.</summary>
    public void Redraw()
    {
        // One seed for those that drop together.
        foreach (AdaptedPart part in parts.Take(jointDropout is null ? parts.Count : 1))
        {
            part.Redraw();
        }
    }

    /// <summary>Writes the layers' outputs side by side.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="y">[tokens, all outputs]; written.</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="residual">What is added to them, like y; null for nothing.</param>
    /// <returns>What the backward pass needs; null when nothing is adapted.</returns>
    public ProductState? Forward(Tensor x, Tensor y, TensorStack place, Tensor? residual = null)
    {
        OnInput?.Invoke(x);
        if (IsScaled && IsDropping)
        {
            return MultiplyDropped(x, y, place, residual);
        }

        Tensor z = IsScaled ? place.Take(y.dtype, y.shape) : y;
        Tensor? low = Multiply(x, z, place, residual);
        change?.Apply(kernels, z, residual, y);
        return low is null ? null : new(low, IsScaled ? z : null);
    }

    /// <summary>What the backward pass needs, without the outputs; null when nothing is adapted.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="place">Where it goes.</param>
    public ProductState? Again(Tensor x, TensorStack place)
    {
        if (!IsScaled)
        {
            return Reduce(x, place) is Tensor reduced ? new(reduced, null) : null;
        }

        if (IsDropping)
        {
            return MultiplyDropped(x, y: null, place, residual: null);
        }

        Tensor z = place.Take(x.dtype, x.shape[0], frozen.Shape[0]);
        return new(Multiply(x, z, place, residual: null)!, z);
    }

    /// <summary>The outputs once more, of what the products gave; only where that is all that they are made of (<see cref="HasOutputsAgain"/>).</summary>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="place">Where they go.</param>
    public Tensor Outputs(ProductState state, TensorStack place)
    {
        Tensor y = place.Take(state.Unscaled!.dtype, state.Unscaled.shape);
        change!.Apply(kernels, state.Unscaled, residual: null, y);
        return y;
    }

    /// <summary>The same as <see cref="Forward"/> where outputs are scaled and x is dropped, with outputs or without.</summary>
    private ProductState MultiplyDropped(Tensor x, Tensor? y, TensorStack place, Tensor? residual)
    {
        Tensor weight = frozen.Values();
        change!.Prepare(weight);
        if (y is not null)
        {
            FrozenProduct.Forward(x, weight, frozen.Bias, residual, y);
        }

        Tensor z = place.Take(x.dtype, x.shape[0], frozen.Shape[0]); // of adapted layers alone
        Tensor low = place.Take(x.dtype, x.shape[0], Rank);
        ownDropout.Scale(x, weight, down!, low, z, change.Scale, y);
        return new(low, z);
    }

    /// <summary>Writes x Wᵀ + s (x Aᵀ) Bᵀ, with bias and residual where nothing else follows.</summary>
    /// <returns>s x Aᵀ, [tokens, rank]; null when nothing is adapted.</returns>
    private Tensor? Multiply(Tensor x, Tensor y, TensorStack place, Tensor? residual)
    {
        // The large product first: quantised weights have their values only until the next are asked for.
        Tensor weight = frozen.Values();
        change?.Prepare(weight);
        FrozenProduct.Forward(x, weight, change is null ? frozen.Bias : null, change is null ? residual : null, y);
        Tensor? low = Reduce(x, place);
        for (int first = 0, count; first < parts.Count; first += count)
        {
            // Thin products, in place; B A, as large as W, is never formed.
            count = isBatched ? AdaptedPart.Alike(parts, first) : 1;
            if (count > 1)
            {
                using DisposeScope scope = NewDisposeScope();
                parts[first].AddOutputAlike(count, low!, y);
            }
            else
            {
                parts[first].AddOutput(low!, y);
            }
        }

        return low;
    }

    /// <summary>s x Aᵀ alone, [tokens, rank]; null when nothing is adapted.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="place">Where it goes.</param>
    private Tensor? Reduce(Tensor x, TensorStack place)
    {
        if (!IsAdapted)
        {
            return null;
        }

        Tensor low = place.Take(x.dtype, x.shape[0], Rank); // [tokens, rank]
        if (!IsDropping)
        {
            // beta 0 means that what the memory held before is not read, NaN included.
            low.addmm_(x, down!.t(), beta: 0, alpha: scaling);
            return low;
        }

        if (jointDropout is not null)
        {
            jointDropout.Reduce(x, down!, low);
            return low;
        }

        ownDropout.Reduce(x, down!, low);
        return low;
    }

    /// <summary>Adds up the gradients of the adapters: dB = dyᵀ(s x Aᵀ), dA = s (dy B)ᵀ x; writes dx = dy W + s (dy B) A.</summary>
    /// <param name="dy">[tokens, all outputs].</param>
    /// <param name="x">[tokens, in]; not read when nothing is adapted.</param>
    /// <param name="state">Of the forward pass; not to be read afterwards.</param>
    /// <param name="dx">[tokens, in]; null when nothing before these layers learns.</param>
    public void Backward(Tensor dy, Tensor? x, ProductState? state, Tensor? dx)
    {
        Tensor dz = IsScaled ? change!.Backward(kernels, dy, state!.Unscaled!) : dy; // at the products' results
        Tensor? weight = dx is null ? null : frozen.Values(); // once: 4 bits become numbers each time
        if (dx is not null)
        {
            // dx = dy W first, which writes; the adapters' share is added to it.
            FrozenProduct.Backward(IsDropping ? dy : dz, weight!, dx);
        }

        if (!IsAdapted)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        Tensor dLow = scratch.Take(dy.dtype, dy.shape[0], Rank); // at s x Aᵀ
        if (hasGaps)
        {
            // They are multiplied with zeros of A below, and zero times what memory held may be NaN.
            dLow.zero_();
        }

        for (int first = 0, count; first < parts.Count; first += count)
        {
            // Layer by layer: one product would mostly compute what belongs to no adapter.
            AdaptedPart part = parts[first];
            count = isBatched ? AdaptedPart.Alike(parts, first) : 1;
            if (count > 1)
            {
                part.BackwardAlike(count, dz, state!.Low, dLow);
            }
            else
            {
                part.WriteLow(dz, dLow);
                part.AddUp(dz, state!.Low);
            }

            foreach (AdaptedPart dropping in parts.Skip(first).Take(IsDropping && jointDropout is null ? count : 0))
            {
                ownDropout.Backward(dropping, dLow, x!, down!, dx, IsScaled && dx is not null ? (dy, dz, weight!) : null);
            }
        }

        if (!IsDropping)
        {
            dx?.addmm_(dLow, down!, beta: 1, alpha: scaling);
            AddDown(dLow.t(), x!);
            return;
        }

        jointDropout?.Backward(dLow, x!, down!, dx);
    }

    /// <summary>Adds up the gradients of all A, s (dy B)ᵀ x.</summary>
    private void AddDown(Tensor dLow, Tensor x)
    {
        if (downGradient is not null)
        {
            downGradient.addmm_(dLow, x, beta: parts[0].Working!.IsOwn ? 1 : 0, alpha: scaling);
            return;
        }

        Tensor dDown = dLow.mm(x); // [rank, in]
        foreach (AdaptedPart part in parts)
        {
            part.AddDown(part.RowsOf(dDown), scaling);
        }
    }

    private static bool LieSideBySide(IReadOnlyList<AdaptedPart> parts, long inputs)
    {
        long next = parts[0].Working is null ? -1 : parts[0].Place;
        foreach (AdaptedPart part in parts)
        {
            if (part.Working is null || !ReferenceEquals(part.Working, parts[0].Working) || part.Place != next)
            {
                return false;
            }

            next += part.Width * inputs;
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        parts.ToList().ForEach(part => part.Dispose());
        down?.Dispose();
        downGradient?.Dispose();
        change?.Dispose();
    }
}
