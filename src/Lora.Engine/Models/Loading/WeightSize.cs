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
    /// <param name="shape">The model's shape.</param>
    /// <param name="dataType">What the weights are held in, and the products computed in.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="hasHead">Whether a head of its own is there although the configuration ties it.</param>
    public static WeightSize Of(ModelShape shape, ScalarType dataType, LoraQuantization quantization, bool hasHead = false)
    {
        long width = dataType.ElementSize();
        IReadOnlyList<(string Name, long[] Shape)> required = RequiredTensors.Of(shape, hasHead);
        HashSet<string> matrices = [.. QuantizedWeights.In(quantization, shape, required)];
        (string Name, long Count, bool IsQuantized)[] weights = [.. required.Select(weight => (weight.Name, Count(weight.Shape), matrices.Contains(weight.Name)))];
        long held = weights.Sum(weight => weight.IsQuantized ? Nf4Layout.SizeOf(weight.Count) : weight.Count * width);

        // The values of one product's matrices together, such as q, k and v.
        Dictionary<string, long> quantized = weights.Where(weight => weight.IsQuantized).ToDictionary(weight => weight.Name, weight => weight.Count, StringComparer.Ordinal);
        long largest = shape.Blocks
            .SelectMany((block, layer) => block.Products.Select(names => names.Sum(name => quantized.GetValueOrDefault($"{shape.BlockPrefix}{layer}.{name}.weight"))))
            .DefaultIfEmpty().Max();
        return new(held, largest * width);
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
