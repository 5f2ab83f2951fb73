using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>A product with two adapters, hand-written passes against autograd of the plain formula.</summary>
public sealed class AdaptedProductTests : IDisposable
{
    private const double Probability = 0.3;

    private readonly Generator generator = new(11, CPU);

    public static TheoryData<double, int, bool, int, bool> Cases { get; } = new(
        from probability in new[] { 0, Probability, 0.5 }
        from rank in new[] { 2, 3 }
        from hasStart in new[] { false, true }
        from alignment in new[] { 1, 8 }
        from isExact in new[] { false, true }
        select (probability, rank, hasStart, alignment, isExact));

    /// <inheritdoc/>
    public void Dispose() => generator.Dispose();

    /// <param name="second">Probability of the second adapter: both drop nothing, both alike, or each by its own probability.</param>
    /// <param name="secondRank">Rank of the second adapter, like the first's, 3, or not.</param>
    /// <param name="hasStart">Whether a start is subtracted.</param>
    /// <param name="alignment">Of the adapters' places.</param>
    /// <param name="isExact">By operators in float64, or by vector code in float32.</param>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Outputs_and_gradients_are_autograd_s(double second, int secondRank, bool hasStart, int alignment, bool isExact)
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = isExact ? ScalarType.Float64 : ScalarType.Float32;
        IKernels kernels = KernelSet.Of(CPU, type);
        nn.Module<Tensor, Tensor> first = nn.Linear(12, 10, hasBias: true, CPU, type);
        nn.Module<Tensor, Tensor> other = nn.Linear(12, 7, hasBias: true, CPU, type);
        LowRankFactors[] factors = [Factors(3, 10, second == 0 ? 0 : Probability, seed: 21), Factors(secondRank, 7, second, seed: 22)];
        Tensor x = Draw(9, 12).to(type);
        Tensor dy = Draw(9, 17).to(type);
        Tensor xLeaf = x.clone().requires_grad_();
        Tensor[] leaves = [.. factors.SelectMany(part => new[] { Leaf(part.Down), Leaf(part.Up) })];
        Tensor expected = cat([Reference(first, 0), Reference(other, 1)], 1);
        expected.backward([dy]);

        using IDisposable noGradient = no_grad();
        using TensorStack stack = new(CPU);
        using AdaptedProduct product = new(new JoinedWeights(first, other), factors, kernels, stack, alignment);
        product.Refresh();

        // What was in the memory before must not matter.
        stack.Reserve(1 << 16);
        using (stack.Begin())
        {
            stack.Take(type, stack.Capacity / type.ElementSize()).copy_(tensor(double.NaN));
        }

        Tensor y = Arithmetic.Full([9, 17], double.NaN, type, CPU);
        ProductState? state = product.Forward(x, y, stack);
        Tensor dx = Arithmetic.Full(x.shape, double.NaN, type, CPU);
        product.Backward(dy, x, state, dx);

        double tolerance = isExact ? 1e-7 : 1e-6; // gradients are added up in float32
        Assert.InRange(Closeness.Relative(y, expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(dx, xLeaf.grad!), 0, tolerance);
        for (int part = 0; part < factors.Length; part++)
        {
            Assert.InRange(Closeness.Relative(factors[part].DownGradient, leaves[2 * part].grad!), 0, tolerance);
            Assert.InRange(Closeness.Relative(factors[part].UpGradient, leaves[(2 * part) + 1].grad!), 0, tolerance);
        }

        LowRankFactors Factors(long rank, long outputs, double probability, ulong seed)
        {
            (Tensor down, Tensor up) = (Draw(rank, 12), Draw(outputs, rank));
            return new(down, up, zeros_like(down), zeros_like(up), 0.5)
            {
                Start = hasStart ? (Draw(rank, 12), Draw(outputs, rank)) : null,
                DropProbability = probability,
                DrawSeed = () => probability > 0 ? seed : null,
            };
        }

        Tensor Leaf(Tensor value) => value.to(type, copy: true).requires_grad_();

        Tensor Reference(nn.Module<Tensor, Tensor> layer, int part)
        {
            Tensor weight = leaves[(2 * part) + 1].mm(leaves[2 * part]);
            if (factors[part].Start is (Tensor startDown, Tensor startUp))
            {
                weight = weight - startUp.to(type).mm(startDown.to(type));
            }

            return layer.call(xLeaf).Plus((xLeaf * Mask(part)).mm(weight.t()).Times(0.5));
        }

        Tensor Mask(int part)
        {
            if (kernels.MakesResults && second == Probability)
            {
                // Operators draw the masks of all adapters at once, by the first one's seed.
                using Generator draws = new(21, CPU);
                return empty([2, 9, 12], dtype: type, device: CPU).bernoulli_(1 - Probability, draws)[part].Times(1 / (1 - Probability));
            }

            Tensor mask = ones_like(x);
            if (factors[part].DrawSeed() is ulong seed)
            {
                kernels.Drop(mask, factors[part].DropProbability, seed, mask);
            }

            return mask;
        }
    }

    /// <summary>Adapters whose values lie in one tensor: views or one rounded copy of it, gradients added or written once, batched products of those that are alike.</summary>
    [Theory]
    [InlineData(false, false, 1, false, 0)]
    [InlineData(true, false, 1, false, 0)]
    [InlineData(true, true, 1, false, 0)]
    [InlineData(true, true, 8, false, 0)]
    [InlineData(true, true, 1, true, 0)]
    [InlineData(false, false, 1, true, 0)]
    [InlineData(false, false, 1, false, Probability)]
    [InlineData(false, true, 1, false, Probability)]
    [InlineData(true, true, 1, false, Probability)]
    [InlineData(true, true, 8, true, Probability)]
    public void Values_in_one_tensor_give_what_values_apart_give(bool isExact, bool byOperators, int alignment, bool hasOtherScaling, double probability)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        ScalarType type = isExact ? ScalarType.Float64 : ScalarType.Float32;
        IKernels kernels = byOperators ? new TorchKernels() : KernelSet.Of(CPU, type);
        nn.Module<Tensor, Tensor>[] layers = [.. new[] { 10, 7, 7 }.Select(width => nn.Linear(12, width, hasBias: true, CPU, type))];
        Tensor values = Draw(3 * 3 * 12 + (3 * 24));
        Tensor gradients = Draw(values.numel());
        Tensor before = gradients.clone();
        LowRankFactors[] factors = [Factors(0, 10, 0), Factors(1, 7, 10), Factors(2, 7, 17)];
        LowRankFactors[] apart = [.. factors.Select(found => found with { Home = null, DownGradient = zeros_like(found.Down), UpGradient = zeros_like(found.Up) })];
        IReadOnlyDictionary<Tensor, WorkingValues> working = WorkingValues.Of(factors, type);
        (Tensor x, Tensor dy) = (Draw(9, 12).to(type), Draw(9, 24).to(type));
        (Tensor expectedY, Tensor expectedX) = Pass(apart, null);
        (Tensor y, Tensor dx) = Pass(factors, working);

        double tolerance = isExact ? 1e-7 : 1e-6;
        Assert.InRange(Closeness.Relative(y, expectedY), 0, tolerance);
        Assert.InRange(Closeness.Relative(dx, expectedX), 0, tolerance);
        Tensor added = gradients - before;
        Assert.InRange(Closeness.Relative(added.narrow(0, 0, 108), cat([.. apart.Select(found => found.DownGradient.view(-1))])), 0, 1e-6);
        Assert.InRange(Closeness.Relative(added.narrow(0, 108, 72), cat([.. apart.Select(found => found.UpGradient.view(-1))])), 0, 1e-6);

        (Tensor Y, Tensor Dx) Pass(LowRankFactors[] used, IReadOnlyDictionary<Tensor, WorkingValues>? flat)
        {
            using TensorStack stack = new(CPU);
            using AdaptedProduct product = new(new JoinedWeights(layers), used, kernels, stack, alignment, flat);
            flat?.Values.ToList().ForEach(one => one.Refresh());
            product.Refresh();
            (Tensor result, Tensor back) = (Arithmetic.Full([9, 24], double.NaN, type, CPU), Arithmetic.Full(x.shape, double.NaN, type, CPU));
            product.Backward(dy, x, product.Forward(x, result, stack), back);
            flat?.Values.ToList().ForEach(one => one.Gather());
            return (result, back);
        }

        LowRankFactors Factors(int index, long outputs, long first)
        {
            (long down, long up) = (index * 36, 108 + (first * 3));
            return new(Part(values, down, 3, 12), Part(values, up, outputs, 3), Part(gradients, down, 3, 12), Part(gradients, up, outputs, 3), hasOtherScaling && index == 1 ? 2 : 0.5)
            {
                Home = new(values, gradients, down, up),
                DropProbability = probability,
                DrawSeed = () => probability > 0 ? (ulong)index : null,
            };
        }

        static Tensor Part(Tensor all, long place, long rows, long columns) => all.narrow(0, place, rows * columns).view(rows, columns);
    }

    private Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float32, device: CPU, generator: generator);
}
