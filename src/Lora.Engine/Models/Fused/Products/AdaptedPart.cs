using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// One adapter within an <see cref="AdaptedProduct"/>. With a start, s (B A - B₀ A₀) is taken as s ((B - B₀) A + B₀ (A - A₀)), a product of
/// twice the rank: it is exactly zero at the start, and half precision rounds the small changes alone.
/// </summary>
internal sealed class AdaptedPart : IDisposable
{
    // Tensor cores read 16 bytes at a time: eight values of half precision.
    private const int TensorCoreValues = 8;

    private readonly LowRankFactors factors;
    private readonly long firstRank;
    private readonly long firstOutput;
    private readonly long outputs;
    private readonly Tensor up; // [out, width]
    private readonly Tensor? upGradient; // [out, rank]
    private readonly bool isWritten;
    private readonly float share;

    /// <param name="factors">A and B.</param>
    /// <param name="firstRank">Of its columns of all x Aᵀ.</param>
    /// <param name="firstOutput">Of its outputs.</param>
    /// <param name="outputs">How many outputs it has.</param>
    /// <param name="like">The dtype and the device of the products.</param>
    /// <param name="scaling">What x Aᵀ of the whole product is multiplied by.</param>
    /// <param name="working">All trained values in that dtype; null where this adapter has copies of its own.</param>
    private AdaptedPart(
        LowRankFactors factors, long firstRank, long firstOutput, long outputs, (ScalarType Type, Device Device) like, double scaling, WorkingValues? working)
    {
        share = (float)(factors.Scaling / scaling);
        this.factors = factors;
        this.firstRank = firstRank;
        this.firstOutput = firstOutput;
        this.outputs = outputs;
        Working = working;
        isWritten = working is null;
        up = isWritten ? empty([outputs, Width], dtype: like.Type, device: like.Device).DetachFromDisposeScope() : Matrix(working!.Values, factors.Home!.Up, outputs, Rank);
        upGradient = isWritten ? null : Matrix(working!.Gradients, factors.Home!.Up, outputs, Rank);
    }

    /// <summary>What the present batch's dropout hangs on; null when nothing is dropped.</summary>
    public ulong? Seed { get; private set; }

    /// <summary>The probability that a value of x is dropped.</summary>
    public double DropProbability => factors.DropProbability;

    /// <summary>Columns of all x Aᵀ that it takes.</summary>
    public long Width => factors.Start is null ? Rank : 2 * Rank;

    /// <summary>The values that A and B are views of; null where they are copies.</summary>
    public WorkingValues? Working { get; }

    /// <summary>The place of A among them.</summary>
    public long Place => factors.Home!.Down;

    private long Rank => factors.Rank;

    /// <summary>The multiple at which each adapter's place begins on a device.</summary>
    public static int AlignmentOn(Device device) => device.type == DeviceType.CPU ? 1 : TensorCoreValues; // on META as on a card, since its launches are counted there

    /// <summary>The adapters that are there, one after the other, and the width of all.</summary>
    /// <param name="frozen">The layers.</param>
    /// <param name="factors">The adapter of each layer, or null.</param>
    /// <param name="alignment">The multiple at which each begins where they are copies; what lies between is zero.</param>
    /// <param name="working">The trained values in the products' dtype; none to have copies.</param>
    public static (IReadOnlyList<AdaptedPart> Parts, long Width) Of(
        JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors, int alignment, IReadOnlyDictionary<Tensor, WorkingValues>? working)
    {
        List<AdaptedPart> parts = [];

        // Gaps would part A's that lie side by side, and a copy of each in every step takes longer than products of a few columns lose.
        int unit = factors.All(found => found is not { Rank: > 0 } || Shared(found) is not null) ? 1 : alignment;
        long rank = 0;
        long output = 0;
        double scaling = Scaling(factors);
        foreach ((long width, LowRankFactors? found) in frozen.Outputs.Zip(factors))
        {
            if (found is { Rank: > 0 })
            {
                AdaptedPart part = new(found, rank, output, width, (frozen.DataType, frozen.Device), scaling, Shared(found));
                parts.Add(part);

                // Only the starts are aligned; outputs are the layers' own and have no gaps.
                rank += (part.Width + unit - 1) / unit * unit;
            }

            output += width;
        }

        return (parts, rank);

        // What is subtracted at the start takes more than A and B.
        WorkingValues? Shared(LowRankFactors found) => working is not null && found is { Start: null, Home: FactorHome home } ? working[home.Values] : null;
    }

    /// <summary>What x Aᵀ of all adapters is multiplied by: the first one's s. Others have their share of it.</summary>
    public static double Scaling(IEnumerable<LowRankFactors?> factors) => factors.FirstOrDefault(found => found is { Scaling: not 0 })?.Scaling ?? 1;

    /// <summary>How many of the parts from one on are alike and lie side by side, so that batched products have them at once.</summary>
    public static int Alike(IReadOnlyList<AdaptedPart> parts, int first)
    {
        AdaptedPart one = parts[first];
        int count = 1;
        while (!one.isWritten && first + count < parts.Count && parts[first + count].Follows(one, count))
        {
            count++;
        }

        return count;
    }

    /// <summary>Draws anew what is dropped.</summary>
    public void Redraw() => Seed = factors.DrawSeed();

    /// <summary>x as this adapter sees it, and the gradient on the way back: dropped where its dropout drops; may be done in place.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="kernels">Of its device and dtype.</param>
    /// <param name="y">Like x; written.</param>
    /// <param name="accumulate">Whether to add to y.</param>
    public void Drop(Tensor x, IKernels kernels, Tensor y, bool accumulate = false) => kernels.Drop(x, DropProbability, Seed!.Value, y, accumulate);

    /// <summary>Writes A, as it is now, to its rows of all A, [rank, in].</summary>
    public void WriteDown(Tensor down)
    {
        Tensor rows = RowsOf(down);

        // The trained values are float32; copy_ rounds them once to the dtype of the base.
        rows.narrow(0, 0, Rank).copy_(factors.Down);
        if (factors.Start is (Tensor startDown, _))
        {
            // [A; A - A₀]. Differences are taken in float32, before rounding.
            rows.narrow(0, Rank, Rank).copy_(factors.Down - startDown);
        }
    }

    /// <summary>Takes over B as it is now, where it is a copy.</summary>
    public void WriteUp()
    {
        if (!isWritten)
        {
            return;
        }

        if (factors.Start is not (_, Tensor startUp))
        {
            up.copy_(factors.Up);
            return;
        }

        // [B - B₀, B₀] beside [A; A - A₀]: their product is the sum of the two.
        up.narrow(1, 0, Rank).copy_(factors.Up - startUp);
        up.narrow(1, Rank, Rank).copy_(startUp);
    }

    /// <summary>This adapter's rows of all A, or of their gradients.</summary>
    public Tensor RowsOf(Tensor down) => down.narrow(0, firstRank, Width);

    /// <summary>This adapter's columns of all x Aᵀ, or of their gradients, [tokens, rank].</summary>
    public Tensor ColumnsOf(Tensor low) => low.narrow(1, firstRank, Width);

    /// <summary>This adapter's outputs, or their gradients, [tokens, out].</summary>
    public Tensor OutputsOf(Tensor y) => y.narrow(1, firstOutput, outputs);

    /// <summary>This adapter's rows of W, [out, in].</summary>
    public Tensor RowsOfWeight(Tensor weight) => weight.narrow(0, firstOutput, outputs);

    /// <summary>What all outputs have one of each, of this adapter's, [out].</summary>
    public Tensor ValuesOf(Tensor values) => values.narrow(0, firstOutput, outputs);

    /// <summary>y += s (x Aᵀ) Bᵀ at this adapter's outputs.</summary>
    /// <param name="low">All s x Aᵀ.</param>
    /// <param name="y">All outputs, [tokens, outputs].</param>
    public void AddOutput(Tensor low, Tensor y) => OutputsOf(y).addmm_(ColumnsOf(low), up.t(), beta: 1, alpha: share);

    /// <summary><see cref="AddOutput"/> of this and the next ones that are alike, as one batched product.</summary>
    /// <param name="count">How many.</param>
    /// <param name="low">All s x Aᵀ.</param>
    /// <param name="y">All outputs, [tokens, outputs].</param>
    public void AddOutputAlike(int count, Tensor low, Tensor y) =>
        ScaledInto.Batches(Batched(y, firstOutput, outputs, count), Batched(low, firstRank, Width, count), Stacked(Working!.Values, count).transpose(1, 2), factor: 1, kept: 1);

    /// <summary>Writes dy B, the gradient at s x Aᵀ.</summary>
    /// <param name="dy">Of all outputs.</param>
    /// <param name="dLow">At all s x Aᵀ.</param>
    public void WriteLow(Tensor dy, Tensor dLow) =>
        // beta 0 means that what the memory held before is not read, NaN included.
        ColumnsOf(dLow).addmm_(OutputsOf(dy), up, beta: 0, alpha: share);

    /// <summary><see cref="WriteLow"/> and <see cref="AddUp"/> of this and the next ones that are alike, as two batched products.</summary>
    /// <param name="count">How many.</param>
    /// <param name="dy">Of all outputs.</param>
    /// <param name="low">All s x Aᵀ.</param>
    /// <param name="dLow">At all s x Aᵀ.</param>
    public void BackwardAlike(int count, Tensor dy, Tensor low, Tensor dLow)
    {
        Tensor gradients = Batched(dy, firstOutput, outputs, count); // [count, tokens, out]
        ProductInto.Batches(Batched(dLow, firstRank, Width, count), gradients, Stacked(Working!.Values, count));
        ProductInto.Batches(Stacked(Working.Gradients, count), gradients.transpose(1, 2), Batched(low, firstRank, Width, count));
    }

    /// <summary>Adds up A's gradient, s (dy B)ᵀ x.</summary>
    /// <param name="dLow">dy B of this adapter alone, [tokens, rank].</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="scaling">s.</param>
    public void AddDown(Tensor dLow, Tensor x, double scaling)
    {
        if (Working is null)
        {
            AddDown(dLow.t().mm(x), scaling);
            return;
        }

        using Tensor rows = Matrix(Working.Gradients, Place, Rank, x.shape[1]);
        rows.addmm_(dLow.t(), x, beta: Working.IsOwn ? 1 : 0, alpha: (float)scaling);
    }

    /// <summary>Adds up A's gradient.</summary>
    /// <param name="gradient">Of this adapter's rows, without s.</param>
    /// <param name="scaling">s.</param>
    public void AddDown(Tensor gradient, double scaling)
    {
        if (Working is { IsOwn: false })
        {
            // Once a batch, so it is written.
            using Tensor rows = Matrix(Working.Gradients, Place, Rank, gradient.shape[1]);
            rows.copy_(gradient).Multiply(scaling);
            return;
        }

        factors.DownGradient.Add(gradient.narrow(0, 0, Rank), scaling);
        if (factors.Start is not null)
        {
            // A is in both products, so its gradient has two terms.
            factors.DownGradient.Add(gradient.narrow(0, Rank, Rank), scaling);
        }
    }

    /// <summary>Adds up B's gradient, s dyᵀ(x Aᵀ).</summary>
    /// <param name="dy">Of all outputs, [tokens, outputs].</param>
    /// <param name="low">All s x Aᵀ.</param>
    public void AddUp(Tensor dy, Tensor low)
    {
        // With a start B is in the first product alone, (B - B₀) A; B₀ is a constant.
        Tensor columns = low.narrow(1, firstRank, Rank);
        if (upGradient is not null)
        {
            upGradient.addmm_(OutputsOf(dy).t(), columns, beta: Working!.IsOwn ? 1 : 0, alpha: share);
            return;
        }

        Tensor gradient = columns.t().mm(OutputsOf(dy)); // [rank, out]
        factors.UpGradient.Add(gradient.t(), share);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        up.Dispose();
        upGradient?.Dispose();
    }

    private bool Follows(AdaptedPart first, int distance) =>
        !isWritten && ReferenceEquals(Working, first.Working) && outputs == first.outputs && Rank == first.Rank && share == first.share && share == 1
        && firstOutput == first.firstOutput + (distance * outputs) && firstRank == first.firstRank + (distance * Width)
        && factors.Home!.Up == first.factors.Home!.Up + (distance * outputs * Rank);

    /// <summary>The columns of some adapters that are alike, [count, rows, width].</summary>
    private static Tensor Batched(Tensor rows, long first, long width, int count) => rows.narrow(1, first, count * width).view(rows.shape[0], count, width).transpose(0, 1);

    /// <summary>The B of this one and the next, or their gradients, [count, out, rank].</summary>
    private Tensor Stacked(Tensor values, int count) => values.narrow(0, factors.Home!.Up, count * outputs * Rank).view(count, outputs, Rank);


    /// <summary>Some of the values as a matrix, which outlives the caller's scope.</summary>
    internal static Tensor Matrix(Tensor values, long place, long rows, long columns)
    {
        using Tensor stretch = values.narrow(0, place, rows * columns);
        return stretch.view(rows, columns).DetachFromDisposeScope();
    }
}
