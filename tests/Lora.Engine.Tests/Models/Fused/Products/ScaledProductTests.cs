using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>A product of three layers, of which two have magnitudes that are trained, against autograd of PEFT's formula (DoraLinearVariant) with the norms as constants.</summary>
public sealed class ScaledProductTests : IDisposable
{
    private readonly Generator generator = new(17, CPU);

    /// <inheritdoc/>
    public void Dispose() => generator.Dispose();

    /// <param name="probability">Of dropout: then the base sees what the adapter sees beside x, in each layer another.</param>
    /// <param name="hasBias">Whether the layers have biases.</param>
    /// <param name="type">Of the products.</param>
    /// <param name="byOperators">Whether by libtorch's operators; else by vector code where there is any.</param>
    [Theory]
    [InlineData(0, false, ScalarType.Float64, true)]
    [InlineData(0, true, ScalarType.Float64, true)]
    [InlineData(0, true, ScalarType.Float32, false)]
    [InlineData(0, true, ScalarType.BFloat16, false)]
    [InlineData(0.3, false, ScalarType.Float64, true)]
    [InlineData(0.3, true, ScalarType.Float64, true)]
    [InlineData(0.3, false, ScalarType.Float32, false)]
    [InlineData(0.3, true, ScalarType.Float32, true)]
    [InlineData(0.3, true, ScalarType.BFloat16, false)]
    [InlineData(0.3, false, ScalarType.BFloat16, true)]
    public void Outputs_and_gradients_are_autograd_s(double probability, bool hasBias, ScalarType type, bool byOperators)
    {
        using DisposeScope scope = NewDisposeScope();
        IKernels kernels = byOperators ? new TorchKernels() : KernelSet.Of(CPU, type);
        TorchSharp.Modules.Linear[] layers = [.. new[] { 10, 7, 5 }.Select(width => nn.Linear(12, width, hasBias: hasBias, CPU, type))];
        using (no_grad())
        {
            // libtorch's own start is another each time.
            Array.ForEach(layers, layer => layer.weight.copy_(Draw(layer.weight.shape).Times(0.3)));
            Array.ForEach(layers, layer => layer.bias?.copy_(Draw(layer.bias.shape)));
        }

        (Tensor values, Tensor gradients) = (Draw(15), zeros([15], device: CPU)); // m of the first layer and the third
        LowRankFactors?[] factors = [Factors(3, 10, place: 0, seed: 31), null, Factors(2, 5, place: 10, seed: 32)];
        (Tensor x, Tensor residual, Tensor dy) = (Draw(9, 12).to(type), Draw(9, 22).to(type), Draw(9, 22).to(type));
        Tensor xLeaf = Leaf(x), mLeaf = Leaf(values);
        Tensor[] leaves = [.. factors.OfType<LowRankFactors>().SelectMany(part => new[] { Leaf(part.Down), Leaf(part.Up) })];
        Tensor expected = cat([Reference(0, 0), Plain(1), Reference(2, 2)], 1).Plus(residual);
        expected.backward([dy.to(ScalarType.Float64)]);

        using IDisposable noGradient = no_grad();
        using TensorStack stack = new(CPU);
        using AdaptedProduct product = new(new JoinedWeights(layers), factors, kernels, stack);
        product.Refresh();
        stack.Reserve(1 << 16);
        using (stack.Begin())
        {
            stack.Take(type, stack.Capacity / type.ElementSize()).copy_(tensor(double.NaN)); // what was in the memory before must not matter
        }

        Tensor y = Arithmetic.Full([9, 22], double.NaN, type, CPU);
        ProductState state = product.Forward(x, y, stack, residual)!;
        Tensor z = state.Unscaled!.narrow(1, 0, 10).clone();
        ProductState again = product.Again(x, stack)!;
        Assert.Equal(0, Closeness.Largest(again.Unscaled!.narrow(1, 0, 10), z));
        Tensor dx = Arithmetic.Full(x.shape, double.NaN, type, CPU);
        product.Backward(dy, x, state, dx);

        // g and gradients are float32 at the most.
        double tolerance = type == ScalarType.Float64 ? 2e-7 : type == ScalarType.Float32 ? 2e-6 : 2e-2;
        Assert.InRange(Closeness.Relative(y, expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(dx, xLeaf.grad!), 0, tolerance);
        Assert.InRange(Closeness.Relative(gradients, mLeaf.grad!), 0, tolerance);
        Assert.InRange(Closeness.Relative(factors[0]!.DownGradient, leaves[0].grad!), 0, tolerance);
        Assert.InRange(Closeness.Relative(factors[0]!.UpGradient, leaves[1].grad!), 0, tolerance);
        Assert.InRange(Closeness.Relative(factors[2]!.DownGradient, leaves[2].grad!), 0, tolerance);
        Assert.InRange(Closeness.Relative(factors[2]!.UpGradient, leaves[3].grad!), 0, tolerance);

        LowRankFactors Factors(long rank, long outputs, long place, ulong seed)
        {
            (Tensor down, Tensor up) = (Draw(rank, 12), Draw(outputs, rank));
            return new(down, up, zeros_like(down), zeros_like(up), 0.5)
            {
                Magnitude = new(values, gradients, place),
                DropProbability = probability,
                DrawSeed = () => probability > 0 ? seed : null,
            };
        }

        static Tensor Leaf(Tensor value) => value.detach().to(ScalarType.Float64, copy: true).requires_grad_();

        Tensor Plain(int index)
        {
            Tensor product = xLeaf.mm(layers[index].weight.detach().to(ScalarType.Float64).t());
            return layers[index].bias is Tensor bias ? product.Plus(bias.detach().to(ScalarType.Float64)) : product;
        }

        Tensor Reference(int index, int leaf)
        {
            Tensor weight = layers[index].weight.detach().to(ScalarType.Float64);
            Tensor dropped = xLeaf * Mask(factors[index]!);
            Tensor change = leaves[leaf + 1].mm(leaves[leaf]).Times(0.5);
            Tensor direction = weight.Plus(change.detach());
            Tensor g = mLeaf.narrow(0, factors[index]!.Magnitude!.Place, weight.shape[0]) * direction.mul(direction).sum(1).rsqrt();
            return Plain(index).Plus(g.Plus(-1.0) * dropped.mm(weight.t())).Plus(g * dropped.mm(change.t()));
        }

        Tensor Mask(LowRankFactors own)
        {
            Tensor mask = ones_like(x);
            if (own.DrawSeed() is not ulong seed)
            {
                return mask.to(ScalarType.Float64);
            }

            kernels.Drop(mask, probability, seed, mask);
            return mask.ne(zeros_like(mask)).to(ScalarType.Float64).Times(1 / (1 - probability));
        }
    }

    private Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float32, device: CPU, generator: generator);
}
