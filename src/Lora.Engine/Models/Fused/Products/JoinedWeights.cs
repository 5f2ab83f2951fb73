using Lora.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The frozen weights of linear layers that share an input, as one matrix. The layers keep their names and are slices of it: a loaded model's from
/// the start (<see cref="WeightArena"/>), others' from now on. Quantised layers' codes are joined where they have one form, and have their values
/// side by side when they are asked for: a GPU takes them in a third of the operators. A layer that stores its weight [in, out], as GPT-2's do, is alone, and the
/// matrix is a view of it that lies the other way.
/// </summary>
internal sealed class JoinedWeights : IDisposable
{
    private readonly Tensor? weight;
    private readonly WeightBuffer? buffer;
    private readonly bool isOwner;
    private readonly bool liesInputsFirst;
    private FourBitStack[] stacks; // one where the matrices have one form

    /// <param name="layers">In the order of their outputs; ordinary layers or quantised ones, or one that stores its weight [in, out].</param>
    public JoinedWeights(params nn.Module<Tensor, Tensor>[] layers)
    {
        using IDisposable noGradient = no_grad();
        QuantizedLinear[] quantized = [.. layers.OfType<QuantizedLinear>()];
        Linear[] plain = [.. layers.OfType<Linear>()];
        Conv1D? turned = layers.OfType<Conv1D>().SingleOrDefault();

        // A single layer's tensors are handed through as they are and stay the model's.
        isOwner = layers.Length > 1;
        liesInputsFirst = turned is not null || quantized.Any(layer => layer.IsConv1D);
        stacks = Stack([.. quantized.Select(layer => layer.Matrix)]);
        buffer = quantized.FirstOrDefault()?.Buffer;
        buffer?.Announce(stacks);
        weight = turned?.Weight.t().DetachFromDisposeScope() ?? Join([.. plain.Select(layer => layer.weight)]);
        Bias = turned is not null ? turned.Bias : Join([.. plain.Select(layer => layer.bias), .. quantized.Select(layer => layer.Bias)]);
        Outputs = [.. turned is not null ? [weight!.shape[0]] : plain.Select(layer => layer.weight.shape[0]), .. Matrices.Select(matrix => matrix.Shape[liesInputsFirst ? 1 : 0])];
        (long inputs, DataType, Device) = weight is not null
            ? (weight.shape[1], weight.dtype, weight.device)
            : (stacks[0].Shape[liesInputsFirst ? 0 : 1], stacks[0].Top.DataType, stacks[0].Codes.device);
        Shape = [Outputs.Sum(), inputs];
    }

    /// <summary>Outputs of each layer.</summary>
    public IReadOnlyList<long> Outputs { get; }

    /// <summary>[all outputs, in].</summary>
    public long[] Shape { get; }

    /// <summary>What the products are computed in.</summary>
    public ScalarType DataType { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device { get; }

    /// <summary>The 4-bit matrices of quantised layers, one below the other; none where there are numbers.</summary>
    public IReadOnlyList<FourBitMatrix> Matrices => [.. stacks.SelectMany(stack => stack.Matrices)];

    /// <summary>The same as their values are taken; one where they have one form.</summary>
    public IReadOnlyList<FourBitStack> Stacks => stacks;

    /// <summary>[all outputs], or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>The matrix, [all outputs, in], not the caller's to dispose of before its scope ends; of quantised layers it holds until the next one is asked for.</summary>
    public Tensor Values() => weight ?? (liesInputsFirst ? buffer!.Values(stacks).t() : buffer!.Values(stacks));

    /// <summary>Lays the magnitudes of several products' 4-bit matrices side by side, so that a GPU takes all of them at once, in four operators.</summary>
    /// <param name="products">Of one block of the model, in the order in which they are needed.</param>
    /// <returns>Those of all, which the caller owns; null where there are none, or not all are quantised alike.</returns>
    public static BlockMagnitudes? JoinMagnitudes(IReadOnlyList<JoinedWeights> products)
    {
        BlockMagnitudes[] parts = [.. products.SelectMany(product => product.Matrices).Select(matrix => matrix.Magnitudes)];
        if (parts.Length < 2 || parts.Any(part => !part.AreNestedAs(parts[0])))
        {
            return null;
        }

        using IDisposable noGradient = no_grad();
        NestedMagnitudes nested = parts[0].Nested! with { Scales = Side(part => part.Nested!.Scales), Means = Side(part => part.Nested!.Means) };
        BlockMagnitudes whole = new(Side(part => part.Values), nested);
        long first = 0;
        foreach (JoinedWeights product in products)
        {
            product.stacks = [.. product.stacks.Select(stack => stack with { Matrices = [.. stack.Matrices.Select(Placed)] })];
            product.buffer?.Announce(whole);
        }

        return whole;

        Tensor Side(Func<BlockMagnitudes, Tensor> tensor) => Join([.. parts.Select(tensor)])!;

        FourBitMatrix Placed(FourBitMatrix matrix)
        {
            MagnitudePlace place = new(whole, first);
            first += matrix.Magnitudes.Values.numel();
            return matrix with { Magnitudes = matrix.Magnitudes with { Place = place } };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isOwner || liesInputsFirst)
        {
            weight?.Dispose(); // a view of the layer's own where that lies the other way
        }

        if (isOwner)
        {
            Bias?.Dispose();
        }

        if (isOwner && stacks.Length == 1)
        {
            stacks[0].Codes.Dispose(); // the layers' tensors are slices of it, which stay
        }
    }

    private static FourBitStack[] Stack(FourBitMatrix[] matrices) =>
        matrices.Length > 1 && matrices.All(matrix => matrix.HasFormOf(matrices[0]))
            ? [new(matrices, Join([.. matrices.Select(matrix => matrix.Codes)])!)]
            : [.. matrices.Select(FourBitStack.Of)];

    private static Tensor? Join(Tensor?[] parts)
    {
        if (parts.Length < 2 || parts.Any(part => part is null))
        {
            return parts.FirstOrDefault();
        }

        // A loaded model's matrices lie side by side already: the view over them costs no memory.
        if (WeightArena.Adjacent(parts!) is Tensor whole)
        {
            return whole.DetachFromDisposeScope();
        }

        Tensor joined = cat(parts!).DetachFromDisposeScope();
        long start = 0;
        foreach (Tensor? part in parts)
        {
            using Tensor slice = joined.narrow(0, start, part!.shape[0]);
            start += part.shape[0];

            // The layer keeps its name and its values and lets its own memory go, so the weights are never there twice.
            part.set_(slice);
        }

        return joined;
    }
}
