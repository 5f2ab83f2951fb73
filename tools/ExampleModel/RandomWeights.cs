using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Tools.ExampleModel;

/// <summary>Draws the weights of an untrained model: normal with deviation 0.02, norms one, as Llama's own initialisation.</summary>
internal sealed class RandomWeights(Generator generator) : IWeightSource
{
    private const double Deviation = 0.02;

    /// <inheritdoc/>
    public bool Has(string name) => false;

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape) => shape.Length == 1
        ? ones(shape.ToArray(), dtype: ScalarType.Float32, device: CPU)
        : randn(shape.ToArray(), dtype: ScalarType.Float32, device: CPU, generator: generator) * Deviation;
}
