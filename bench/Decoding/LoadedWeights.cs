using Lora.Models;
using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Random weights that lie in memory as those of a checkpoint do: numbers in one block and codes in another, on large pages where the system has them.</summary>
internal sealed class LoadedWeights(ModelShape shape, Generator generator, ScalarType type, LoraQuantization quantization) : IWeightSource, IDisposable
{
    private readonly WeightArena arena = new(RequiredTensors.Of(shape), type, CPU); // what is quantised is not touched there, and so takes no memory
    private readonly WeightArena codes = new(
        RequiredTensors.Of(shape).Where(weight => QuantizedWeights.In(quantization, shape, [weight]).Any()).Select(weight => (weight.Name, CodesOf(weight.Shape))), ScalarType.Byte, CPU);

    private readonly RandomWeights drawn = new(generator, type, quantization: quantization);

    public bool Has(string name) => false;

    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        Tensor weight = arena[name];
        return shape.Length == 1 ? weight.fill_(1) : weight.normal_(0, 0.02, generator);
    }

    public FourBitMatrix? TakeQuantized(string name, params ReadOnlySpan<long> shape) =>
        drawn.TakeQuantized(name, shape) is FourBitMatrix matrix ? matrix with { Codes = codes[name].copy_(matrix.Codes) } : null;

    public void Dispose()
    {
        arena.Dispose();
        codes.Dispose();
    }

    private static long[] CodesOf(long[] shape) => [Nf4Layout.BlocksOf(shape[0] * shape[1]) * Nf4Layout.BlockBytes];
}
