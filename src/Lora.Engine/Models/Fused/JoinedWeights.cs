using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The frozen weights of linear layers that share an input, as one matrix. The layers keep their names and are slices of it: a loaded model's from
/// the start (<see cref="WeightArena"/>), others' from now on.
/// </summary>
internal sealed class JoinedWeights : IDisposable
{
    /// <param name="layers">In the order of their outputs.</param>
    public JoinedWeights(params Linear[] layers)
    {
        using IDisposable noGradient = no_grad();
        Layers = layers;
        Outputs = [.. layers.Select(layer => layer.weight.shape[0])];
        Weight = Join([.. layers.Select(layer => layer.weight)])!;
        Bias = Join([.. layers.Select(layer => layer.bias)]);
    }

    /// <summary>The layers.</summary>
    public IReadOnlyList<Linear> Layers { get; }

    /// <summary>Outputs of each layer.</summary>
    public IReadOnlyList<long> Outputs { get; }

    /// <summary>[all outputs, in].</summary>
    public Tensor Weight { get; }

    /// <summary>[all outputs], or null.</summary>
    public Tensor? Bias { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Layers.Count > 1)
        {
            Weight.Dispose();
            Bias?.Dispose();
        }
    }

    private static Tensor? Join(Parameter?[] parts)
    {
        if (parts.Length == 1 || parts.Any(part => part is null))
        {
            return parts[0];
        }

        if (WeightArena.Adjacent(parts!) is Tensor whole)
        {
            return whole.DetachFromDisposeScope();
        }

        Tensor joined = cat(parts!).DetachFromDisposeScope();
        long start = 0;
        foreach (Parameter? part in parts)
        {
            using Tensor slice = joined.narrow(0, start, part!.shape[0]);
            start += part.shape[0];
            part.set_(slice);
        }

        return joined;
    }
}
