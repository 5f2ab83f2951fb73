using Lora.Models;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Weights that are drawn around zero; those of norms and biases around 1, or as 1.</summary>
/// <param name="generator">Draws on the processor, so that small models are the same everywhere.</param>
/// <param name="type">Of the weights.</param>
/// <param name="device">Where they go; null for the processor.</param>
/// <param name="quantization">How the matrices of the blocks are held.</param>
internal sealed class RandomWeights(Generator generator, ScalarType type, Device? device = null, LoraQuantization quantization = LoraQuantization.None) : IWeightSource
{

    // Larger matrices are drawn where they stay, which takes milliseconds there and seconds here.
    private const long LargestDrawn = 4 << 20;

    private readonly Device device = device ?? CPU;
    private readonly Dictionary<(long, long), FourBitMatrix> quantized = [];

    /// <summary>The standard deviation of matrices.</summary>
    public double Deviation { get; init; } = 0.02;

    /// <summary>That of norms and biases, which are otherwise 1.</summary>
    public double DeviationFromOne { get; init; }

    /// <summary>What weights are rounded to before they become what they are held in, so that models of two dtypes have the same ones.</summary>
    public ScalarType Rounding { get; init; } = ScalarType.Float32;

    public bool Has(string name) => false;

    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        long[] sizes = shape.ToArray();
        if (device.type == DeviceType.META)
        {
            return empty(sizes, dtype: type, device: device);
        }

        bool isMatrix = sizes.Length > 1;
        if (!isMatrix && DeviationFromOne == 0)
        {
            return ones(sizes, dtype: type, device: device);
        }

        long count = sizes.Aggregate(1L, (product, size) => product * size);
        if (device.type != DeviceType.CPU && count > LargestDrawn)
        {
            return empty(sizes, dtype: type, device: device).normal_(0, Deviation);
        }

        // In float32, so that a model is the same in every dtype but for rounding.
        using Tensor drawn = empty(sizes, dtype: ScalarType.Float32, device: CPU).normal_(isMatrix ? 0 : 1, isMatrix ? Deviation : DeviationFromOne, generator);
        using Tensor rounded = drawn.to(Rounding);
        return rounded.to(type, device, copy: true);
    }

    public FourBitMatrix? TakeQuantized(string name, params ReadOnlySpan<long> shape)
    {
        if (quantization == LoraQuantization.None || shape.Length != 2 || !name.Contains(".layers.", StringComparison.Ordinal))
        {
            return null;
        }

        if (device.type == DeviceType.META)
        {
            return Nf4Layout.WithoutValues(shape.ToArray(), type, device);
        }

        // One of each shape is quantised, and the others are copies of it: their values do not matter, their memory and time do.
        (long, long) size = (shape[0], shape[1]);
        if (!quantized.TryGetValue(size, out FourBitMatrix? found))
        {
            using Tensor drawn = empty(shape.ToArray(), dtype: ScalarType.Float32, device: CPU).normal_(0, Deviation, generator);
            found = Nf4Quantizer.Quantize(drawn, type).To(device);
            quantized.Add(size, found);
            return found;
        }

        return found with { Codes = found.Codes.clone().DetachFromDisposeScope() };
    }
}
