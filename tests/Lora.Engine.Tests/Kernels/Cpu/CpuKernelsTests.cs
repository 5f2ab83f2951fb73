using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>The vector code against libtorch's operators in float64 on the same inputs, for rows that fill their vectors and rows that do not.</summary>
public class CpuKernelsTests
{
    private const double SingleTolerance = 1e-6;
    private const double BrainTolerance = 5e-3;

    private readonly TorchKernels exact = new();

    public static TheoryData<string, int> Cases { get; } = new(
        from kernels in new[] { "float32 x 8", "bfloat16 x 8", "float32 x 16", "bfloat16 x 16" }
        from width in new[] { 4, 37, 64 }
        select (kernels, width));

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_norm_and_its_gradient_are_exact(string name, int width) => AssertNorm(name, width, takesMean: false);

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_norm_that_takes_the_mean_away_and_its_gradient_are_exact(string name, int width) => AssertNorm(name, width, takesMean: true);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Activations_of_plain_MLPs_and_their_gradients_are_exact(string name, int width)
    {
        foreach (PlainActivation activation in Enum.GetValues<PlainActivation>())
        {
            AssertActivation(activation, name, width);
        }
    }

    private void AssertNorm(string name, int width, bool takesMean)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        // A slice of a wider tensor, as the heads of q are.
        Tensor x = Draw(type, 9, 3 * width).narrow(1, 0, 2 * width).unflatten(1, 2, width);
        Tensor dy = Draw(type, 9, 2, width);
        Tensor start = Draw(type, 9, 2, width);
        x.Add(takesMean ? 3 : 0);
        using NormWeight weight = NormWeight.Of(Draw(ScalarType.Float32, 2, width), type, takesMean ? Draw(ScalarType.Float32, 2, width) : null); // each head has its own
        using NormWeight wideWeight = NormWeight.Of(Wide(weight.Wide), ScalarType.Float64, weight.Shift is null ? null : Wide(weight.Shift.Wide));
        using TensorStack stack = new(CPU);
        Tensor dx = start.clone();
        (Tensor y, NormState state) = kernels.NormForward(x, weight, 1e-5, stack, stack);
        kernels.NormBackward(x, weight, state, dy, dx, accumulate: true);
        (Tensor expectedY, NormState expectedState) = exact.NormForward(Wide(x), wideWeight, 1e-5, stack, stack);
        Tensor expectedDx = Wide(start);
        exact.NormBackward(Wide(x), wideWeight, expectedState, Wide(dy), expectedDx, accumulate: true);

        Assert.InRange(Closeness.Relative(y, expectedY), 0, tolerance);
        Assert.All(state.Tensors.Zip(expectedState.Tensors), numbers => Assert.InRange(Closeness.Relative(numbers.First, numbers.Second.view(-1)), 0, SingleTolerance));
        Assert.InRange(Closeness.Relative(dx, expectedDx), 0, tolerance);
        kernels.NormBackward(x, weight, state, dy, dy, accumulate: false);
        Assert.InRange(Closeness.Relative(dy, expectedDx - Wide(start)), 0, tolerance);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_rotation_is_exact(string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        Tensor rows = Draw(type, 6, 5 * 2 * width);
        Tensor before = rows.clone();
        Tensor heads = rows.narrow(1, 0, 3 * 2 * width).unflatten(1, 3, 2 * width);
        Tensor angles = Draw(ScalarType.Float32, 6, width);
        Tensor expected = Wide(heads);
        exact.Rotate(expected, TorchKernelsTests.Tables(Wide(angles)), backward: true);
        kernels.Rotate(heads, TorchKernelsTests.Tables(angles), backward: true);

        Assert.InRange(Closeness.Relative(heads, expected), 0, tolerance);
        Assert.Equal(0, Closeness.Largest(rows.narrow(1, 6 * width, 4 * width), before.narrow(1, 6 * width, 4 * width)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Silu_gates_and_their_gradients_are_exact(string name, int width) => AssertGate(GateActivation.Silu, name, width);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gelu_gates_and_their_gradients_are_exact(string name, int width) => AssertGate(GateActivation.TanhGelu, name, width);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Scaled_outputs_and_their_gradients_are_exact(string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        width += 1024; // more than are summed together
        Tensor z = Draw(type, 9, width), residual = Draw(type, 9, width), dy = Draw(type, 9, width);
        (Tensor scale, Tensor shift) = (Draw(ScalarType.Float32, width), Draw(ScalarType.Float32, width));
        foreach ((Tensor? added, Tensor? behind) in new[] { (shift, residual), (shift, null), (null, residual), ((Tensor?)null, (Tensor?)null) })
        {
            (Tensor y, Tensor expected) = (empty_like(z), empty_like(Wide(z)));
            kernels.ScaleForward(z, scale, added, behind, y);
            exact.ScaleForward(Wide(z), Wide(scale), added is null ? null : Wide(added), behind is null ? null : Wide(behind), expected);
            Assert.InRange(Closeness.Relative(y, expected), 0, tolerance);
        }

        (Tensor dz, Tensor exactDz) = (z.clone(), Wide(z));
        (Tensor sums, Tensor exactSums) = (empty_like(scale), empty_like(Wide(scale)));
        kernels.ScaleBackward(dy, scale, dz, sums);
        exact.ScaleBackward(Wide(dy), Wide(scale), exactDz, exactSums);

        Assert.InRange(Closeness.Relative(dz, exactDz), 0, tolerance);
        Assert.InRange(Closeness.Relative(sums, exactSums), 0, SingleTolerance);

        // Whichever outputs are summed beside them, and so on any number of threads.
        Tensor some = empty(width - 96, dtype: ScalarType.Float32, device: CPU);
        kernels.ScaleBackward(dy.narrow(1, 96, some.shape[0]), scale.narrow(0, 96, some.shape[0]), z.narrow(1, 96, some.shape[0]), some);
        Assert.Equal(0, Closeness.Largest(some, sums.narrow(0, 96, some.shape[0])));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_first_values_of_heads_are_rotated_and_the_others_left(string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        Tensor heads = Draw(type, 6, 3, (2 * width) + 5);
        Tensor before = heads.clone();
        Tensor angles = Draw(ScalarType.Float32, 6, width);
        Tensor expected = Wide(heads.narrow(2, 0, 2 * width));
        exact.Rotate(expected, TorchKernelsTests.Tables(Wide(angles)), backward: false);
        kernels.Rotate(heads.narrow(2, 0, 2 * width), TorchKernelsTests.Tables(angles), backward: false);

        Assert.InRange(Closeness.Relative(heads.narrow(2, 0, 2 * width), expected), 0, tolerance);
        Assert.Equal(0, Closeness.Largest(heads.narrow(2, 2 * width, 5), before.narrow(2, 2 * width, 5)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_causal_softmax_and_its_gradient_are_exact(string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        ITileSoftmax softmax = (ITileSoftmax)kernels;
        foreach (AttentionTile tile in AttentionTile.Of(2 * width, window: width + 3, size: width))
        {
            // Negative scores: a rest of a row that counted as zero would win.
            Tensor scores = Draw(type, 2, 3 * tile.Queries, tile.Keys).Multiply(8).Add(-40);
            Tensor dp = Draw(type, 2, 3 * tile.Queries, tile.Keys);
            Tensor expected = Softmax(scores, tile);
            softmax.SoftmaxForward(scores, tile, 0.3);
            Tensor p = Wide(scores);
            Tensor expectedGradient = ((Wide(dp) - (p * Wide(dp)).sum([-1], keepdim: true)) * p).Times(0.3);
            softmax.SoftmaxBackward(scores, dp, tile, 0.3);

            Assert.InRange(Closeness.Relative(scores, expected), 0, tolerance);
            Assert.InRange(Closeness.Relative(dp, expectedGradient), 0, tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_cross_entropy_and_its_gradient_are_exact(string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        Tensor logits = Draw(type, 8, width).Multiply(6).Add(-30);
        Tensor targets = randint(0, width, [8], dtype: ScalarType.Int64, device: CPU);
        Tensor expected = Wide(logits);
        double expectedLoss = Loss(exact, expected, targets, 0.125);
        double alone = Loss(kernels, logits.clone(), targets, factor: null);
        double loss = Loss(kernels, logits, targets, 0.125);

        Assert.Equal(expectedLoss, loss, SingleTolerance * expectedLoss);
        Assert.Equal(loss, alone);
        Assert.InRange(Closeness.Relative(logits, expected), 0, tolerance);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_logit_that_is_not_a_number_makes_the_loss_no_number(string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, _) = Find(name);
        Tensor logits = Draw(type, 1, width);
        logits[0, width / 2] = tensor(float.NaN, dtype: type, device: CPU);

        Assert.Equal(double.NaN, Loss(kernels, logits, zeros([1], dtype: ScalarType.Int64, device: CPU), 1));
    }

    [Theory]
    [InlineData("float32 x 8", 37)]
    [InlineData("bfloat16 x 8", 20000)]
    [InlineData("float32 x 16", 20000)]
    public void A_step_of_AdamW_is_exact_whatever_the_activations_are(string name, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, _, _) = Find(name);
        AdamStep step = new(LearningRate: 0.02, WeightDecay: 0.5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Number: 7);
        Tensor never = zeros([], dtype: ScalarType.Float32, device: CPU);
        Tensor[] actual = [.. Enumerable.Range(0, 4).Select(_ => Draw(ScalarType.Float32, count))];
        actual[2].abs_();
        Tensor[] expected = [.. actual.Select(Wide)];
        kernels.Adam(actual[0], actual[1], actual[2], actual[3], step, never);
        exact.Adam(expected[0], expected[1], expected[2], expected[3], step, never);

        Assert.All(actual.Zip(expected), pair => Assert.InRange(Closeness.Relative(pair.First, pair.Second), 0, SingleTolerance));
        Tensor[] before = [.. actual.Select(tensor => tensor.clone())];
        Tensor always = ones([], dtype: ScalarType.Float32, device: CPU);
        kernels.Adam(actual[0], actual[1], actual[2], actual[3], step, always);
        exact.Adam(expected[0], expected[1], expected[2], expected[3], step, always);

        Assert.All(before.Zip(actual), pair => Assert.Equal(0, Closeness.Largest(pair.First, pair.Second)));
        Assert.All(before.Zip(expected), pair => Assert.InRange(Closeness.Relative(pair.First, pair.Second), 0, SingleTolerance));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Dropout_drops_where_the_hash_of_a_place_is_low(string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        Tensor x = Draw(type, 6, 3 * width).narrow(1, width, width);
        const ulong Seed = 0x9e3779b97f4a7c15;
        Tensor y = empty([6, width], dtype: type, device: CPU);
        kernels.Drop(x, 0.3, Seed, y);
        double[] factors = [.. Enumerable.Range(0, 6 * width).Select(place => Hash((uint)place, Seed) < 0.3f ? 0 : 1 / 0.7)];
        Tensor expected = Wide(x) * tensor(factors, [6, width], device: CPU);

        Assert.InRange(Closeness.Relative(y, expected), 0, tolerance);
        Tensor inPlace = x.clone();
        kernels.Drop(inPlace, 0.3, Seed, inPlace);
        Assert.Equal(0, Closeness.Largest(inPlace, y));
        kernels.Drop(x, 0.3, Seed, inPlace, accumulate: true);
        Assert.InRange(Closeness.Relative(inPlace, expected.Times(2)), 0, tolerance);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.5)]
    public void Dropout_keeps_its_share_and_draws_of_different_seeds_are_independent(double probability)
    {
        using DisposeScope scope = NewDisposeScope();
        CpuKernels<Lanes256, SingleElement> kernels = new();
        ulong[] seeds = [1, 2, 1UL << 32, 0x123456789abcdef];
        Tensor[] kept = [.. seeds.Select(Kept)];

        // 2²⁰ draws: a standard deviation of the share is at most 0.0005.
        double share = 1 - probability;
        Assert.All(kept, mask => Assert.Equal(share, Share(mask), 0.0025));
        Assert.All(
            from left in kept from right in kept where !ReferenceEquals(left, right) select Share(left * right),
            both => Assert.Equal(share * share, both, 0.0025));
        Assert.Equal(share * share, Share(kept[0].narrow(0, 0, 1023) * kept[0].narrow(0, 1, 1023)), 0.0025);
        Assert.Equal(share * share, Share(kept[0].narrow(1, 0, 1023) * kept[0].narrow(1, 1, 1023)), 0.0025);

        Tensor Kept(ulong seed)
        {
            Tensor ones = torch.ones([1024, 1024], dtype: ScalarType.Float32, device: CPU);
            kernels.Drop(ones, probability, seed, ones);
            return ones.ne(zeros_like(ones)).to(ScalarType.Float64);
        }

        static double Share(Tensor mask) => mask.mean().ToDouble();
    }

    /// <summary>Wellons' lowbias32, once over place and lower half, once over that and the upper half; its 24 upper bits as a fraction.</summary>
    private static float Hash(uint place, ulong seed)
    {
        return (Mix(Mix(place + (uint)seed) ^ (uint)(seed >> 32)) >> 8) / 16777216f;

        static uint Mix(uint bits)
        {
            bits = (bits ^ (bits >> 16)) * 0x7feb352d;
            bits = (bits ^ (bits >> 15)) * 0x846ca68b;
            return bits ^ (bits >> 16);
        }
    }

    private void AssertActivation(PlainActivation activation, string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        foreach (double size in new[] { 0.5, 3, 20 })
        {
            Tensor x = Draw(type, 11, width).Multiply(size);
            Tensor dy = Draw(type, 11, width);
            (Tensor y, Tensor dx) = (empty_like(dy), empty_like(dy));
            kernels.ActivationForward(activation, x, y);
            kernels.ActivationBackward(activation, x, dy, dx);
            (Tensor expectedY, Tensor expectedDx) = (Wide(dy), Wide(dy));
            exact.ActivationForward(activation, Wide(x), expectedY);
            exact.ActivationBackward(activation, Wide(x), Wide(dy), expectedDx);

            Assert.InRange(Closeness.Relative(y, expectedY), 0, tolerance);
            Assert.InRange(Closeness.Relative(dx, expectedDx), 0, tolerance);
        }
    }

    private void AssertGate(GateActivation activation, string name, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = Find(name);
        Tensor gateUp = Draw(type, 11, 2 * width).Multiply(20);
        Tensor dy = Draw(type, 11, width);
        Tensor y = empty_like(dy);
        Tensor gradient = empty_like(gateUp);
        kernels.GateForward(activation, gateUp, y);
        kernels.GateBackward(activation, gateUp, dy, gradient);
        Tensor expectedY = Wide(dy);
        Tensor expectedGradient = Wide(gateUp);
        exact.GateForward(activation, Wide(gateUp), expectedY);
        exact.GateBackward(activation, Wide(gateUp), Wide(dy), expectedGradient);

        Assert.InRange(Closeness.Relative(y, expectedY), 0, tolerance);
        Assert.InRange(Closeness.Relative(gradient, expectedGradient), 0, tolerance);
    }

    // Vectors that the processor lacks are put together from smaller ones: slow, and the same numbers.
    private static (IKernels Kernels, ScalarType Type, double Tolerance) Find(string name) => name switch
    {
        "float32 x 8" => (new CpuKernels<Lanes256, SingleElement>(), ScalarType.Float32, SingleTolerance),
        "float32 x 16" => (new CpuKernels<Lanes512, SingleElement>(), ScalarType.Float32, SingleTolerance),
        "bfloat16 x 8" => (new CpuKernels<Lanes256, BrainElement>(), ScalarType.BFloat16, BrainTolerance),
        _ => (new CpuKernels<Lanes512, BrainElement>(), ScalarType.BFloat16, BrainTolerance),
    };

    private static Tensor Draw(ScalarType type, params long[] shape) => randn(shape, dtype: ScalarType.Float32, device: CPU).to(type);

    private static double Loss(IKernels kernels, Tensor logits, Tensor targets, double? factor)
    {
        Tensor sum = zeros([], dtype: ScalarType.Float64, device: CPU);
        kernels.CrossEntropy(logits, targets, factor, sum);
        return sum.ToDouble();
    }

    /// <summary>In float64, the keys that a query does not see masked.</summary>
    private static Tensor Softmax(Tensor scores, AttentionTile tile)
    {
        bool[] hidden = [.. from query in Enumerable.Range(0, tile.Queries)
                            from key in Enumerable.Range(0, tile.Keys)
                            select key < tile.Visible(query).Begin || key >= tile.Visible(query).End];
        Tensor masked = Wide(scores).Times(0.3).view(-1, tile.Queries, tile.Keys).Masked(tensor(hidden, [tile.Queries, tile.Keys], device: CPU), double.NegativeInfinity);
        return masked.softmax(-1).view(scores.shape);
    }

    private static Tensor Wide(Tensor tensor) => tensor.to(ScalarType.Float64, copy: true);
}
