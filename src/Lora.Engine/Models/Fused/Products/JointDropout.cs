using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The thin products with A of an <see cref="AdaptedProduct"/> whose adapters each see an x of their own, by few operators: one draw makes the masks of
/// all, one product all dropped x, and 1/(1-p) goes into factors that other operators multiply by anyway.
/// </summary>
internal sealed class JointDropout
{
    private readonly IReadOnlyList<AdaptedPart> parts;
    private readonly TensorStack scratch;
    private readonly double probability;
    private readonly double factor;
    private readonly bool isBatched;

    private JointDropout(IReadOnlyList<AdaptedPart> parts, TensorStack scratch, double scaling)
    {
        this.parts = parts;
        this.scratch = scratch;
        probability = parts[0].DropProbability;
        factor = scaling / (1 - probability);
        isBatched = parts.Count > 1 && parts.All(part => part.Width == parts[0].Width);
    }

    /// <summary>That of a product's adapters; null where nothing is dropped, probabilities differ or vector code drops, which does so in one pass.</summary>
    /// <param name="parts">The adapters.</param>
    /// <param name="kernels">Of the product.</param>
    /// <param name="scratch">For what a pass makes.</param>
    /// <param name="scaling">What x Aᵀ is multiplied by, s.</param>
    public static JointDropout? Of(IReadOnlyList<AdaptedPart> parts, IKernels kernels, TensorStack scratch, double scaling) =>
        kernels.MakesResults && parts[0].DropProbability > 0 && parts.All(part => part.DropProbability == parts[0].DropProbability)
            ? new(parts, scratch, scaling)
            : null;

    /// <summary>Writes s x Aᵀ of each adapter's own x.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="down">All A, [rank, in].</param>
    /// <param name="low">[tokens, rank]; written.</param>
    public void Reduce(Tensor x, Tensor down, Tensor low)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (Tensor dropped, _) = Drop(x);
        foreach ((int index, AdaptedPart part) in parts.Index())
        {
            // beta 0 means that what the memory held before is not read, NaN included.
            part.ColumnsOf(low).addmm_(dropped.select(0, index), part.RowsOf(down).t(), beta: 0, alpha: (float)factor);
        }
    }

    /// <summary>Adds up the gradients of A, s (dy B)ᵀ x, and adds s (dy B) A to dx where x was not dropped.</summary>
    /// <param name="dLow">dy B, [tokens, rank].</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="down">All A, [rank, in].</param>
    /// <param name="dx">Like x; null when nothing asks for it.</param>
    public void Backward(Tensor dLow, Tensor x, Tensor down, Tensor? dx)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (Tensor dropped, Tensor kept) = Drop(x); // the same as in the forward pass
        foreach ((int index, AdaptedPart part) in parts.Index())
        {
            part.AddDown(part.ColumnsOf(dLow), dropped.select(0, index), factor);
        }

        if (dx is null)
        {
            return;
        }

        Tensor back = dropped; // [adapters, tokens, in]; x is needed no longer
        WriteBack(dLow, down, back);
        for (int index = 0; index < parts.Count; index++)
        {
            // The mask is linear, so the gradient goes through the same one.
            dx.AddProduct(back.select(0, index), kept.select(0, index), factor);
        }
    }

    /// <summary>x as each adapter sees it, but for 1/(1-p), and 1 where it is kept, both [adapters, tokens, in].</summary>
    private (Tensor Dropped, Tensor Kept) Drop(Tensor x)
    {
        long[] shape = [parts.Count, .. x.shape];
        Tensor kept = SeededDraws.Ones(empty(shape, dtype: x.dtype, device: x.device), 1 - probability, parts[0].Seed!.Value);
        Tensor dropped = scratch.Take(x.dtype, shape);
        ResultInto.Product(dropped, x.unsqueeze(0), kept);
        return (dropped, kept);
    }

    /// <summary>Writes (dy B) A of each adapter.</summary>
    private void WriteBack(Tensor dLow, Tensor down, Tensor back)
    {
        if (!isBatched)
        {
            foreach ((int index, AdaptedPart part) in parts.Index())
            {
                ProductInto.Matrix(back.select(0, index), part.ColumnsOf(dLow), part.RowsOf(down));
            }

            return;
        }

        // Alike, they lie at equal distances, with equal gaps.
        long distance = down.shape[0] / parts.Count;
        Tensor columns = dLow.view(dLow.shape[0], parts.Count, distance).narrow(2, 0, parts[0].Width); // [tokens, adapters, rank]
        ProductInto.Batches(back, columns.transpose(0, 1), down.view(parts.Count, distance, -1).narrow(1, 0, parts[0].Width));
    }
}
