using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// What an <see cref="AdaptedProduct"/> computes of x̃, x as each adapter sees it, where they drop one by one. Where magnitudes scale the outputs, PEFT has the base see
/// x̃ there too, each layer its own: y = x Wᵀ + b + (g - 1) ⊙ x̃ Wᵀ + g ⊙ s (x̃ Aᵀ) Bᵀ, which is another product of W's size in each pass.
/// </summary>
internal sealed class OwnDropout(IReadOnlyList<AdaptedPart> parts, IKernels kernels, TensorStack scratch, float scaling)
{
    /// <summary>Writes s x̃ Aᵀ.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="down">All A, [rank, in].</param>
    /// <param name="low">[tokens, rank]; written.</param>
    public void Reduce(Tensor x, Tensor down, Tensor low)
    {
        foreach (AdaptedPart part in parts)
        {
            using DisposeScope scope = NewDisposeScope();
            using TensorStack.Pass pass = scratch.Begin();
            Reduce(part, Dropped(x, part), down, low);
        }
    }

    /// <summary>Writes s x̃ Aᵀ and z = x̃ Wᵀ + s (x̃ Aᵀ) Bᵀ where there are adapters, and adds to the outputs what they change, g ⊙ z - x̃ Wᵀ.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">W, [all outputs, in].</param>
    /// <param name="down">All A, [rank, in].</param>
    /// <param name="low">[tokens, rank]; written.</param>
    /// <param name="z">[tokens, all outputs]; written.</param>
    /// <param name="scale">g, [all outputs].</param>
    /// <param name="y">x Wᵀ + b, like z; null where nobody asks for outputs.</param>
    public void Scale(Tensor x, Tensor weight, Tensor down, Tensor low, Tensor z, Tensor scale, Tensor? y)
    {
        foreach (AdaptedPart part in parts)
        {
            using DisposeScope scope = NewDisposeScope();
            using TensorStack.Pass pass = scratch.Begin();
            Tensor dropped = Dropped(x, part); // [tokens, in]
            Reduce(part, dropped, down, low);
            Tensor own = part.OutputsOf(z); // [tokens, out]
            FrozenProduct.Forward(dropped, part.RowsOfWeight(weight), bias: null, residual: null, own);
            Tensor? outputs = y is null ? null : part.OutputsOf(y).Add(own, -1);
            part.AddOutput(low, z);
            if (outputs is not null)
            {
                kernels.ScaleForward(own, part.ValuesOf(scale), shift: null, residual: outputs, outputs);
            }
        }
    }

    /// <summary>Adds up the gradient of a part's A, and adds to dx what its x̃ gives back.</summary>
    /// <param name="part">The part.</param>
    /// <param name="dLow">dz B, [tokens, rank].</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="down">All A, [rank, in].</param>
    /// <param name="dx">Like x; null when nothing asks for it.</param>
    /// <param name="scaled">Where magnitudes scale outputs, dy and dz = g ⊙ dy, whose difference dz becomes, and W.</param>
    public void Backward(AdaptedPart part, Tensor dLow, Tensor x, Tensor down, Tensor? dx, (Tensor Dy, Tensor Dz, Tensor Weight)? scaled)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        Tensor gradient = part.ColumnsOf(dLow); // [tokens, rank]
        Tensor dropped = Dropped(x, part); // [tokens, in], the same as in the forward pass
        part.AddDown(gradient, dropped, scaling);
        if (dx is null)
        {
            return;
        }

        Tensor back = dropped; // [tokens, in]; x is needed no longer
        if (scaled is (Tensor dy, Tensor dz, Tensor weight))
        {
            // By x dy W has gone back already, by x̃ goes the rest: (g - 1) dy W.
            FrozenProduct.Backward(part.OutputsOf(dz).Add(part.OutputsOf(dy), -1), part.RowsOfWeight(weight), back);
        }

        back.addmm_(gradient, part.RowsOf(down), beta: scaled is null ? 0 : 1, alpha: scaling);

        // The mask is linear, so the gradient goes through the same one.
        part.Drop(back, kernels, dx, accumulate: true);
    }

    private void Reduce(AdaptedPart part, Tensor dropped, Tensor down, Tensor low) =>
        // beta 0 means that what the memory held before is not read, NaN included.
        part.ColumnsOf(low).addmm_(dropped, part.RowsOf(down).t(), beta: 0, alpha: scaling);

    private Tensor Dropped(Tensor x, AdaptedPart part)
    {
        Tensor dropped = scratch.Take(x.dtype, x.shape);
        part.Drop(x, kernels, dropped);
        return dropped;
    }
}
