using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The memory that a model's frozen weights take.</summary>
/// <param name="Held">Bytes of all weights.</param>
/// <param name="Buffer">Bytes in which quantised matrices have their values, one product's at a time; 0 without quantisation.</param>
internal sealed record WeightSize(long Held, long Buffer)
{
    /// <summary>Finds it out from the shape alone.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="dataType">What the weights are held in, and the products computed in.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="hasHead">Whether a head of its own is there although the configuration ties it.</param>
    public static WeightSize Of(DecoderConfig config, ScalarType dataType, LoraQuantization quantization, bool hasHead = false)
    {
        long width = dataType.ElementSize();
        (string Name, long Count, bool IsQuantized)[] weights =
            [.. RequiredTensors.Of(config, hasHead).Select(weight => (weight.Name, Count(weight.Shape), QuantizedWeights.Include(quantization, weight.Name, weight.Shape)))];
        long held = weights.Sum(weight => weight.IsQuantized ? Nf4Matrix.SizeOf(weight.Count) : weight.Count * width);

        // The values of one product's matrices together, such as q, k and v; blocks are alike, so the first one tells.
        long largest = ProductNames.Of(config).All.Max(names => weights.Where(weight => weight.IsQuantized && names.Any(name => weight.Name == $"model.layers.0.{name}.weight")).Sum(weight => weight.Count));
        return new(held, largest * width);
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
