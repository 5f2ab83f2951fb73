using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Where one adapter lies within an <see cref="AdaptedProduct"/>. With a start, s (B A - B₀ A₀) is taken as s ((B - B₀) A + B₀ (A - A₀)), a product of
/// twice the rank: it is exactly zero at the start, and half precision rounds the small changes alone.
/// </summary>
internal sealed class AdaptedPart(LowRankFactors factors, long firstRank, long firstOutput, long outputs)
{
    // Tensor cores read 16 bytes at a time: eight values of half precision.
    private const int TensorCoreValues = 8;

    /// <summary>What the present batch's dropout hangs on; null when nothing is dropped.</summary>
    public ulong? Seed { get; private set; }

    private long Rank => factors.Rank;

    private long Width => factors.Start is null ? Rank : 2 * Rank;

    /// <summary>The multiple at which each adapter's place begins on a device.</summary>
    public static int AlignmentOn(Device device) => device.type == DeviceType.CUDA ? TensorCoreValues : 1;

    /// <summary>The adapters that are there, one after the other, and the width of all.</summary>
    /// <param name="outputs">Outputs of each layer.</param>
    /// <param name="factors">The adapter of each layer, or null.</param>
    /// <param name="alignment">The multiple at which each begins; what lies between is zero.</param>
    public static (IReadOnlyList<AdaptedPart> Parts, long Width) Of(IReadOnlyList<long> outputs, IReadOnlyList<LowRankFactors?> factors, int alignment)
    {
        List<AdaptedPart> parts = [];
        long rank = 0;
        long output = 0;
        foreach ((long width, LowRankFactors? found) in outputs.Zip(factors))
        {
            if (found is not null)
            {
                AdaptedPart part = new(found, rank, output, width);
                parts.Add(part);

                // Only the starts are aligned; outputs are the layers' own and have no gaps.
                rank += (part.Width + alignment - 1) / alignment * alignment;
            }

            output += width;
        }

        return (parts, rank);
    }

    /// <summary>Draws anew what is dropped.</summary>
    public void Redraw() => Seed = factors.DrawSeed();

    /// <summary>x as this adapter sees it, and the gradient on the way back: dropped where its dropout drops; may be done in place.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="kernels">Of its device and dtype.</param>
    /// <param name="y">Like x; written.</param>
    public void Drop(Tensor x, IKernels kernels, Tensor y) => kernels.Drop(x, factors.DropProbability, Seed!.Value, y);

    /// <summary>Writes A and s B, as they are now, to their places.</summary>
    /// <param name="down">All A, [rank, in].</param>
    /// <param name="up">All s B on the diagonal, [outputs, rank].</param>
    public void Write(Tensor down, Tensor up)
    {
        Tensor rows = RowsOf(down);
        Tensor block = up.narrow(0, firstOutput, outputs).narrow(1, firstRank, Width);

        // The trained values are float32; copy_ rounds them once to the dtype of the base.
        rows.narrow(0, 0, Rank).copy_(factors.Down);
        if (factors.Start is not (Tensor startDown, Tensor startUp))
        {
            // s goes into B, so that neither pass multiplies a whole output by it.
            block.copy_(factors.Up.Times(factors.Scaling));
            return;
        }

        // [A; A - A₀] and s [B - B₀, B₀], side by side: their product is the sum of the two. The differences are taken in float32, before rounding.
        rows.narrow(0, Rank, Rank).copy_(factors.Down - startDown);
        block.narrow(1, 0, Rank).copy_((factors.Up - startUp).Multiply(factors.Scaling));
        block.narrow(1, Rank, Rank).copy_(startUp.Times(factors.Scaling));
    }

    /// <summary>This adapter's rows of all A, or of their gradients.</summary>
    public Tensor RowsOf(Tensor down) => down.narrow(0, firstRank, Width);

    /// <summary>This adapter's columns of all x Aᵀ, or of their gradients, [tokens, rank].</summary>
    public Tensor ColumnsOf(Tensor low) => low.narrow(1, firstRank, Width);

    /// <summary>Adds up A's gradient.</summary>
    /// <param name="gradient">Of this adapter's rows.</param>
    public void AddDown(Tensor gradient)
    {
        factors.DownGradient.Add(gradient.narrow(0, 0, Rank));
        if (factors.Start is not null)
        {
            // A is in both products, so its gradient has two terms.
            factors.DownGradient.Add(gradient.narrow(0, Rank, Rank));
        }
    }

    /// <summary>Adds up B's gradient, s dyᵀ(x Aᵀ).</summary>
    /// <param name="dy">Of all outputs, [tokens, outputs].</param>
    /// <param name="low">All x Aᵀ.</param>
    public void AddUp(Tensor dy, Tensor low)
    {
        // With a start B is in the first product alone, (B - B₀) A; B₀ is a constant.
        Tensor gradient = low.narrow(1, firstRank, Rank).t().mm(dy.narrow(1, firstOutput, outputs)); // [rank, out]
        factors.UpGradient.Add(gradient.t(), factors.Scaling);
    }
}
