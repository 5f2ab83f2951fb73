using Lora.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The frozen weights of linear layers that share an input, as one matrix. The layers keep their names and are slices of it: a loaded model's from
/// the start (<see cref="WeightArena"/>), others' from now on. Quantised layers' codes are joined where their blocks allow it, and have their values
/// side by side when they are asked for: a GPU takes them in a third of the operators.
/// </summary>
internal sealed class JoinedWeights : IDisposable
{
    private readonly Tensor? weight;
    private readonly WeightBuffer? buffer;
    private readonly FourBitMatrix[] matrices; // one where they could be joined
    private readonly bool isOwner;

    /// <param name="layers">In the order of their outputs; ordinary layers or quantised ones.</param>
    public JoinedWeights(params nn.Module<Tensor, Tensor>[] layers)
    {
        using IDisposable noGradient = no_grad();
        QuantizedLinear[] quantized = [.. layers.OfType<QuantizedLinear>()];
        Linear[] plain = [.. layers.OfType<Linear>()];

        // A single layer's tensors are handed through as they are and stay the model's.
        isOwner = layers.Length > 1;
        FourBitMatrix[] parts = [.. quantized.Select(layer => layer.Matrix)];
        matrices = Join(parts) is FourBitMatrix one ? [one] : parts;
        buffer = quantized.FirstOrDefault()?.Buffer;
        buffer?.Announce(matrices);
        weight = Join([.. plain.Select(layer => layer.weight)]);
        Bias = Join([.. plain.Select(layer => layer.bias), .. quantized.Select(layer => layer.Bias)]);
        Outputs = [.. plain.Select(layer => layer.weight.shape[0]), .. parts.Select(matrix => matrix.Shape[0])];
        (long inputs, DataType, Device) = weight is not null
            ? (weight.shape[1], weight.dtype, weight.device)
            : (matrices[0].Shape[1], matrices[0].DataType, matrices[0].Codes.device);
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
    public IReadOnlyList<FourBitMatrix> Matrices => matrices;

    /// <summary>[all outputs], or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>The matrix, [all outputs, in], not the caller's to dispose of; of quantised layers it holds until the next one is asked for.</summary>
    public Tensor Values() => weight ?? buffer!.Values(matrices);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isOwner)
        {
            weight?.Dispose();
            Bias?.Dispose();
        }

        if (isOwner && matrices.Length == 1)
        {
            matrices[0].Dispose(); // the layers' tensors are slices of it, which stay
        }
    }

    /// <summary>4-bit matrices as one, whose values are taken at once; null where blocks or their groups would reach from one into the next.</summary>
    private static FourBitMatrix? Join(FourBitMatrix[] parts)
    {
        if (parts.Length < 2 || parts.Any(part => !part.Continues(parts[0])))
        {
            return null;
        }

        FourBitMatrix top = parts[0];
        NestedMagnitudes? nested = top.Magnitudes.Nested;
        return top with
        {
            Shape = [parts.Sum(part => part.Shape[0]), top.Shape[1]],
            Codes = Side(part => part.Codes),
            Magnitudes = new(
                Side(part => part.Magnitudes.Values),
                nested is null ? null : nested with { Scales = Side(part => part.Magnitudes.Nested!.Scales), Means = Side(part => part.Magnitudes.Nested!.Means) }),
        };

        Tensor Side(Func<FourBitMatrix, Tensor> tensor) => Join([.. parts.Select(tensor)])!;
    }

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
