using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// g = m / ‖W + s B A‖ of the outputs of layers that share an input, 1 where m is not trained (DoRA, arXiv 2402.09353). The norms are constants to gradients, as
/// in the paper's section 4.3, and are taken once a batch by ‖w + s Aᵀb‖² = ‖w‖² + s b · (2 A w + s A Aᵀ b): a thin product, where W + s B A is as large as W.
/// </summary>
/// <remarks>
/// On a processor in float32 whatever W's dtype, from A and B as they are trained, by rows of W that stay in its cache. Elsewhere A w alone is taken in W's dtype, where
/// a wide copy of W would be, as in PEFT, whose whole W + s B A is rounded to it. ‖w‖² is taken once. Where the change undoes a row of W, rounding may leave less than
/// nothing of the sum: a small share of ‖w‖² stays at the least.
/// </remarks>
internal sealed class MagnitudeScale : IDisposable
{
    // Rows of W are widened so many bytes at a time.
    private const long CachedBytes = 16 << 20;

    // Shares of ‖w‖² below which rounding leaves nothing, of A w in float32 and in 16 bits.
    private const double LeastShare = 1e-6;
    private const double LeastShareOfHalf = 1.0 / 256;
    private const double LeastSquare = 1e-30; // of rows of zeros, such as those of tokens that nobody has: m / 0 is no number

    private readonly JoinedWeights frozen;
    private readonly Part[] parts;
    private readonly Stretch[] stretches;
    private readonly double scaling;
    private readonly bool isWhole;
    private readonly Tensor inverse; // 1 / ‖W + s B A‖, [all outputs]
    private Tensor? squares; // ‖w‖², [all outputs]
    private Tensor? least; // of the sum, like it
    private bool isPresent;

    private MagnitudeScale(JoinedWeights frozen, Part[] parts, bool isWhole)
    {
        this.frozen = frozen;
        this.isWhole = isWhole;
        this.parts = parts;
        stretches = Stretch.Of(parts);
        scaling = AdaptedPart.Scaling(parts.Select(part => part.Factors));
        inverse = empty([frozen.Shape[0]], dtype: ScalarType.Float32, device: frozen.Device).DetachFromDisposeScope();
    }

    /// <summary>Bytes that it makes in passing.</summary>
    public long Passing =>
        // A, or rows of W, at first with their squares; and the thin products with and without B.
        ((isWhole ? parts.Sum(part => part.Rank) : 2 * RowsAtOnce) * frozen.Shape[1] * sizeof(float)) + (4 * sizeof(float) * parts.Sum(part => part.Rank) * frozen.Shape[0]);

    private long RowsAtOnce => Math.Clamp(CachedBytes / (frozen.Shape[1] * sizeof(float)), 1, frozen.Shape[0]);

    /// <summary>That of layers; null where no magnitude is trained.</summary>
    /// <param name="frozen">The base layers.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    /// <param name="isWhole">Whether A w is taken of all W at once, in its dtype; null for what serves the device.</param>
    public static MagnitudeScale? Of(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors, bool? isWhole = null)
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

        return parts.Count == 0 ? null : new(frozen, [.. parts], isWhole ?? frozen.Device.type != DeviceType.CPU);
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
        least?.Dispose();
    }

    private void WriteInverse(Tensor weight)
    {
        squares ??= Squares(weight).DetachFromDisposeScope();
        least ??= squares.Times(isWhole && frozen.DataType.ElementSize() < sizeof(float) ? LeastShareOfHalf : LeastShare).AtLeast(LeastSquare).DetachFromDisposeScope();
        Tensor down = Down(); // [rank, in]
        Tensor up = Up(down.shape[0]); // [rank, all outputs]
        Tensor products = Products(weight, down); // A w of each row, [rank, all outputs]

        products.addmm_(down.mm(down.t()), up, beta: (float)(2 * scaling), alpha: (float)(scaling * scaling)); // s (2 A w + s A Aᵀ b)
        ResultInto.Sum(inverse, products.mul_(up), dimension: 0);
        ResultInto.Larger(inverse, inverse.Add(squares), least);
        inverse.rsqrt_();
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

    /// <summary>The B of each layer, with its share of s, at its own ranks and outputs, zero elsewhere, [rank, all outputs].</summary>
    private Tensor Up(long rank)
    {
        if (frozen.Outputs.Count == 1)
        {
            return parts[0].Up(scaling);
        }

        Tensor up = zeros([rank, frozen.Shape[0]], dtype: ScalarType.Float32, device: frozen.Device);
        long first = 0;
        foreach (Part part in parts)
        {
            Tensor own = up.narrow(0, first, part.Rank).narrow(1, part.First, part.Count);
            own.copy_(part.Up(scaling));
            first += part.Rank;
        }

        return up;
    }

    /// <summary>A w of each row of W, [rank, all outputs], float32.</summary>
    private Tensor Products(Tensor weight, Tensor down)
    {
        Tensor products = empty([down.shape[0], weight.shape[0]], dtype: isWhole ? weight.dtype : ScalarType.Float32, device: weight.device);
        if (isWhole)
        {
            FrozenProduct.Forward(down.to(weight.dtype), weight, bias: null, residual: null, products);
            return products.to(ScalarType.Float32);
        }

        OverRows(weight, (rows, first) => FrozenProduct.Forward(down, rows, bias: null, residual: null, products.narrow(1, first, rows.shape[0])));
        return products;
    }

    /// <summary>‖w‖² of each row of W, [all outputs], float32.</summary>
    private Tensor Squares(Tensor weight)
    {
        Tensor squares = empty([weight.shape[0]], dtype: ScalarType.Float32, device: weight.device);
        if (isWhole)
        {
            ScaledInto.RowNorms(squares, weight);
            return squares.mul_(squares);
        }

        OverRows(weight, (rows, first) => ResultInto.Sum(squares.narrow(0, first, rows.shape[0]), rows.mul(rows), dimension: 1));
        return squares;
    }

    /// <summary>Calls with some rows of W in float32 at a time, and with the first one's number.</summary>
    private void OverRows(Tensor weight, Action<Tensor, long> use)
    {
        for (long first = 0, count; first < weight.shape[0]; first += count)
        {
            count = Math.Min(RowsAtOnce, weight.shape[0] - first);
            using DisposeScope scope = NewDisposeScope();
            use(weight.narrow(0, first, count).to(ScalarType.Float32), first);
        }
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

        /// <summary>[B - B₀, B₀]ᵀ beside them, [rank, out], times what is left of this layer's s by another.</summary>
        public Tensor Up(double scaling)
        {
            Tensor up = (Factors.Start is (_, Tensor start) ? cat([Factors.Up - start, start], 1) : Factors.Up).t();
            return Factors.Scaling == scaling ? up : up.Times(Factors.Scaling / scaling);
        }
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
