using Lora.Kernels;
using Lora.Native;
using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Every kernel once, on drawn values of odd sizes. Two sides with generators of one seed draw the same values, so that what comes out can be compared.</summary>
/// <param name="kernels">What is called.</param>
/// <param name="device">Where.</param>
/// <param name="type">What is computed in.</param>
/// <param name="drawn">What the values are rounded to first, the same on both sides.</param>
/// <param name="generator">Draws on the processor.</param>
internal sealed class KernelSide(IKernels kernels, Device device, ScalarType type, ScalarType drawn, Generator generator)
{
    private const double Epsilon = 1e-5;

    private ScalarType Wide => type == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    /// <summary>A norm and its gradient; one that takes the mean away has a mean to take.</summary>
    public Tensor[] Norm(long rows, long width, bool takesMean = false)
    {
        (Tensor x, Tensor dy) = (DrawAbout(takesMean ? 3 : 0, rows, width), Draw(rows, width));
        Tensor dx = Draw(rows, width);
        using NormWeight weight = NormWeight.Of(DrawWide(width), type, takesMean ? DrawWide(width) : null);
        using TensorStack stack = new(device);
        (Tensor y, NormState state) = kernels.NormForward(x, weight, Epsilon, stack, stack);
        Tensor copy = y.clone(); // the stack lets go of its own
        kernels.NormBackward(x, weight, state, dy, dx, accumulate: true);
        return [copy, dx, kernels.NormBackward(x, weight, state, dy, stack).clone()];
    }

    /// <summary>Heads that lie among others, each with a weight of its own, and their gradient over itself.</summary>
    public Tensor[] NormOfHeads(long tokens, long heads, long width)
    {
        (Tensor x, Tensor dy) = (Some(), Some());
        using NormWeight weight = NormWeight.Of(DrawWide(heads, width), type);
        using TensorStack stack = new(device);
        (Tensor y, NormState state) = kernels.NormForward(x, weight, Epsilon, stack, stack);
        Tensor copy = y.clone(); // the stack lets go of its own
        kernels.NormBackward(x, weight, state, dy, dy, accumulate: false);
        return [copy, dy];

        Tensor Some() => Draw(tokens, heads + 2, width).narrow(1, 0, heads);
    }

    public Tensor[] Rotation(long tokens, long heads, long rotated)
    {
        Tensor x = Draw(tokens, heads, rotated);
        Tensor angles = DrawWide(tokens, rotated / 2);
        RotationAngles turned = RotationAngles.Of(angles.cos(), angles.sin());
        Tensor back = x.clone();
        kernels.Rotate(x, turned, backward: false);
        kernels.Rotate(back, turned, backward: true);
        return [x, back];
    }

    public Tensor[] Gate(GateActivation activation, long tokens, long width)
    {
        (Tensor gateUp, Tensor dy) = (Draw(tokens, 2 * width), Draw(tokens, width));
        (Tensor y, Tensor gradient) = (empty_like(dy), empty_like(gateUp));
        kernels.GateForward(activation, gateUp, y);
        kernels.GateBackward(activation, gateUp, dy, gradient);
        return [y, gradient];
    }

    public Tensor[] Activation(PlainActivation activation, long tokens, long width)
    {
        (Tensor x, Tensor dy) = (Draw(tokens, width), Draw(tokens, width));
        (Tensor y, Tensor dx) = (empty_like(x), empty_like(x));
        kernels.ActivationForward(activation, x, y);
        kernels.ActivationBackward(activation, x, dy, dx);
        return [y, dx];
    }

    /// <summary>Outputs times magnitudes over norms, and the gradients; those of the magnitudes are sums over the tokens.</summary>
    public Tensor[] Scale(long tokens, long width)
    {
        (Tensor z, Tensor residual, Tensor dy) = (Draw(tokens, width), Draw(tokens, width), Draw(tokens, width));
        (Tensor scale, Tensor shift) = (DrawWide(width), DrawWide(width));
        (Tensor y, Tensor sums) = (empty_like(z), empty_like(scale));
        kernels.ScaleForward(z, scale, shift, residual, y);
        kernels.ScaleBackward(dy, scale, z, sums);
        return [y, z, sums];
    }

    public Tensor[] Loss(long places, long vocabulary)
    {
        Tensor logits = Draw(places, vocabulary);
        Tensor targets = DeviceIndex.Of([.. Enumerable.Range(0, (int)places).Select(place => (place * 37L) % vocabulary)], device);
        Tensor sum = zeros([], dtype: ScalarType.Float64, device: device);
        kernels.CrossEntropy(logits, targets, 0.5, sum);
        return [sum, logits];
    }

    /// <summary>Attention over documents.</summary>
    /// <param name="shape">The heads.</param>
    /// <param name="lengths">Tokens of each document.</param>
    /// <param name="way">What computes it; null for what the kernels choose.</param>
    public Tensor[] Attention(AttentionHeads shape, int[] lengths, Func<TensorStack, IAttention>? way = null)
    {
        int[] ends = [0, .. lengths.Select((_, index) => lengths[..(index + 1)].Sum())];
        DocumentPlaces documents = new([.. lengths.Zip(ends, (length, start) => (start, length))], tensor(ends, device: CPU).to(device), [shape.Window]);
        Tensor joined = Draw(ends[^1], shape.Heads + (2 * shape.KeyValueHeads), shape.HeadSize);
        Tensor dMixed = Draw(ends[^1], shape.Heads, shape.HeadSize);
        Tensor gradients = empty_like(joined);
        using TensorStack states = new(device);
        using TensorStack scratch = new(device);
        IAttention attention = way?.Invoke(scratch) ?? kernels.Attention(shape, type, scratch);
        (Tensor mixed, AttentionState state) = attention.Forward(Parts(joined), documents, states, states, keepsProbabilities: true);
        Tensor found = mixed.clone(); // the backward pass may write over it
        attention.Backward(dMixed, Parts(joined), state, documents, Parts(gradients));
        return [found, gradients];

        HeadParts Parts(Tensor heads)
        {
            (int queries, int keys) = (shape.Heads, shape.KeyValueHeads);
            return new(heads.narrow(1, 0, queries), heads.narrow(1, queries, keys), heads.narrow(1, queries + keys, keys)) { All = heads };
        }
    }

    public Tensor[] FourBit(long rows, long columns)
    {
        Tensor values = randn([rows, columns], dtype: ScalarType.Float32, device: CPU, generator: generator);
        using FourBitMatrix matrix = Nf4Quantizer.Quantize(values, type).To(device);
        Tensor y = empty([rows, columns], dtype: type, device: device);
        kernels.Dequantize(FourBitStack.Of(matrix), y);
        return [y];
    }

    public Tensor[] Adam(long count)
    {
        Tensor[] tensors = [.. Enumerable.Range(0, 4).Select(_ => DrawWide(count))]; // values, mean, variance, gradients
        tensors[2].abs_();
        kernels.Adam(tensors[0], tensors[1], tensors[2], tensors[3], new(LearningRate: 1e-3, WeightDecay: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Number: 3), zeros([], dtype: ScalarType.Float32, device: device));
        return tensors[..3];
    }

    /// <summary>What is left after dropping: the share, the size of what stays, and whether the same seed drops the same.</summary>
    public Tensor[] Dropout(long rows, long width)
    {
        Tensor x = ones([rows, width], dtype: type, device: device);
        (Tensor y, Tensor again) = (empty_like(x), empty_like(x));
        kernels.Drop(x, 0.25, seed: 7, y);
        kernels.Drop(x, 0.25, seed: 7, again);
        return [y.ne(zeros_like(y)).to(ScalarType.Float64).mean(), y.max().to(ScalarType.Float64), again.eq(y).all().to(ScalarType.Float64)];
    }

    private Tensor Draw(params long[] shape) => DrawAbout(0, shape);

    private Tensor DrawAbout(double mean, params long[] shape) =>
        randn(shape, dtype: ScalarType.Float64, device: CPU, generator: generator).Plus(mean).to(drawn).to(type).to(device);

    private Tensor DrawWide(params long[] shape) => randn(shape, dtype: ScalarType.Float64, device: CPU, generator: generator).to(drawn).to(Wide).to(device);
}
