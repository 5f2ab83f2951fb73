using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// g = m / ‖W + s B A‖ of the outputs of layers that share an input, 1 where m is not trained (DoRA, arXiv 2402.09353). The norms are constants to gradients, as
/// in the paper's section 4.3, and are taken once a step by ‖w + s Aᵀb‖² = ‖w‖² + s b · (2 A w + s A Aᵀ b): a thin product, where W + s B A is as large as W.
/// </summary>
/// <remarks>
/// In float32 whatever W's dtype, from A and B as they are trained: where the change nearly undoes a row of W, or one start is subtracted from another, nothing is
/// left of what was rounded to 16 bits. ‖w‖² is taken once.
/// </remarks>
internal sealed class MagnitudeScale : IDisposable
{
    // Rows of W are widened so many bytes at a time: on a processor they stay in its cache, elsewhere a product has them at once.
    private const long ProcessorBytes = 16 << 20;
    private const long DeviceBytes = 256 << 20;

    private readonly JoinedWeights frozen;
    private readonly Part[] parts;
    private readonly Stretch[] stretches;
    private readonly double scaling;
    private readonly Tensor inverse; // 1 / ‖W + s B A‖, [all outputs]
    private Tensor? squares; // ‖w‖², [all outputs]
    private bool isPresent;

    private MagnitudeScale(JoinedWeights frozen, Part[] parts)
    {
        this.frozen = frozen;
        this.parts = parts;
        stretches = Stretch.Of(parts);
        scaling = AdaptedPart.Scaling(parts.Select(part => part.Factors));
        inverse = empty([frozen.Shape[0]], dtype: ScalarType.Float32, device: frozen.Device).DetachFromDisposeScope();
    }

    /// <summary>Bytes that it makes in passing.</summary>
    public long Passing =>
        // Rows of W, at first with their squares, and the thin products with and without B.
        (2 * RowsAtOnce * frozen.Shape[1] * sizeof(float)) + (4 * sizeof(float) * parts.Sum(part => part.Rank) * frozen.Shape[0]);

    private long RowsAtOnce => Math.Clamp(
        (frozen.Device.type == DeviceType.CPU ? ProcessorBytes : DeviceBytes) / (frozen.Shape[1] * sizeof(float)), 1, frozen.Shape[0]);

    /// <summary>That of layers; null where no magnitude is trained.</summary>
    /// <param name="frozen">The base layers.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    public static MagnitudeScale? Of(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors)
    {
        List<Part> parts = [];
        long first = 0;
        foreach ((long outputs, LowRankFactors? found) in frozen.Outputs.Zip(factors))
        {
            if (found is { Magnitude: not null })
            {
                parts.Add(new(first, outputs, found));
            }

            first += outputs;
        }

        return parts.Count == 0 ? null : new(frozen, [.. parts]);
    }

    /// <summary>Has the norms taken anew when weights are there next: A, B and m have changed.</summary>
    public void Refresh() => isPresent = false;

    /// <summary>Writes g where m is trained, unless it is there already.</summary>
    /// <param name="weight">W, [all outputs, in].</param>
    /// <param name="scale">[all outputs], float32.</param>
    public void Write(Tensor weight, Tensor scale)
    {
        if (isPresent)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        WriteInverse(weight);
        foreach (Stretch stretch in stretches)
        {
            ResultInto.Product(stretch.Of(scale), stretch.Value, stretch.Of(inverse));
        }

        isPresent = true;
    }

    /// <summary>Adds up the gradients of m, those of g / ‖W + s B A‖.</summary>
    /// <param name="sums">Of g, [all outputs], float32.</param>
    public void AddGradients(Tensor sums)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (Stretch stretch in stretches)
        {
            stretch.Gradient.AddProduct(stretch.Of(sums), stretch.Of(inverse), 1);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inverse.Dispose();
        squares?.Dispose();
    }

    private void WriteInverse(Tensor weight)
    {
        Tensor down = Down(); // [rank, in]
        Tensor up = Up(down.shape[0]); // [rank, all outputs]
        Tensor products = Products(weight, down); // A w of each row, [rank, all outputs]

        products.addmm_(down.mm(down.t()), up, beta: (float)(2 * scaling), alpha: (float)(scaling * scaling)); // s (2 A w + s A Aᵀ b)
        ResultInto.Sum(inverse, products.mul_(up), dimension: 0);
        inverse.Add(squares!).rsqrt_();
    }

    /// <summary>All A, one below the other: as they lie, where that is how they lie.</summary>
    private Tensor Down()
    {
        LowRankFactors first = parts[0].Factors;
        if (parts.Length == 1)
        {
            return parts[0].Down();
        }

        long next = first.Home?.Down ?? 0;
        foreach (Part part in parts)
        {
            if (part.Factors is not { Start: null, Home: FactorHome home } || !ReferenceEquals(home.Values, first.Home!.Values) || home.Down != next)
            {
                return cat([.. parts.Select(each => each.Down())]);
            }

            next += part.Factors.Down.numel();
        }

        return first.Home!.Values.narrow(0, first.Home.Down, next - first.Home.Down).view(-1, frozen.Shape[1]);
    }

    /// <summary>The B of each layer at its own ranks and outputs, zero elsewhere, [rank, all outputs].</summary>
    private Tensor Up(long rank)
    {
        if (frozen.Outputs.Count == 1)
        {
            return parts[0].Up();
        }

        Tensor up = zeros([rank, frozen.Shape[0]], dtype: ScalarType.Float32, device: frozen.Device);
        long first = 0;
        foreach (Part part in parts)
        {
            Tensor own = up.narrow(0, first, part.Rank).narrow(1, part.First, part.Count);
            own.copy_(part.Up());
            _ = part.Factors.Scaling == scaling ? own : own.Multiply(part.Factors.Scaling / scaling);
            first += part.Rank;
        }

        return up;
    }

    private Tensor Products(Tensor weight, Tensor down)
    {
        Tensor products = empty([down.shape[0], weight.shape[0]], dtype: ScalarType.Float32, device: weight.device);
        Tensor? sums = squares is null ? empty([weight.shape[0]], dtype: ScalarType.Float32, device: weight.device).DetachFromDisposeScope() : null;
        for (long first = 0, count; first < weight.shape[0]; first += count)
        {
            count = Math.Min(RowsAtOnce, weight.shape[0] - first);
            using DisposeScope scope = NewDisposeScope();
            Tensor wide = weight.narrow(0, first, count).to(ScalarType.Float32);
            FrozenProduct.Forward(down, wide, bias: null, residual: null, products.narrow(1, first, count));
            if (sums is not null)
            {
                ResultInto.Sum(sums.narrow(0, first, count), wide.mul(wide), dimension: 1);
            }
        }

        squares ??= sums;
        return products;
    }

    /// <summary>A layer whose magnitudes are trained.</summary>
    /// <param name="First">Of its outputs.</param>
    /// <param name="Count">How many it has.</param>
    /// <param name="Factors">A, B and m.</param>
    private sealed record Part(long First, long Count, LowRankFactors Factors)
    {
        public long Rank => Factors.Start is null ? Factors.Rank : 2 * Factors.Rank;

        /// <summary>[A; A - A₀], as <see cref="AdaptedPart"/> has them, [rank, in].</summary>
        public Tensor Down() => Factors.Start is (Tensor start, _) ? cat([Factors.Down, Factors.Down - start]) : Factors.Down;

        /// <summary>[B - B₀, B₀]ᵀ beside them, [rank, out].</summary>
        public Tensor Up() => (Factors.Start is (_, Tensor start) ? cat([Factors.Up - start, start], 1) : Factors.Up).t();
    }

    /// <summary>Magnitudes that lie side by side, of one layer or of several.</summary>
    /// <param name="Home">Where the first lies.</param>
    /// <param name="First">Its output.</param>
    /// <param name="Count">How many they are.</param>
    private sealed record Stretch(TrainedMagnitude Home, long First, long Count)
    {
        public Tensor Value => Home.Values.narrow(0, Home.Place, Count);

        public Tensor Gradient => Home.Gradients.narrow(0, Home.Place, Count);

        public static Stretch[] Of(Part[] parts)
        {
            List<Stretch> found = [];
            foreach (Part part in parts)
            {
                Stretch next = new(part.Factors.Magnitude!, part.First, part.Count);
                if (found is [.., Stretch last] && last.Precedes(next))
                {
                    found[^1] = last with { Count = last.Count + next.Count };
                }
                else
                {
                    found.Add(next);
                }
            }

            return [.. found];
        }

        public Tensor Of(Tensor outputs) => outputs.narrow(0, First, Count);

        private bool Precedes(Stretch next) =>
            ReferenceEquals(Home.Values, next.Home.Values) && Home.Place + Count == next.Home.Place && First + Count == next.First;
    }
}
