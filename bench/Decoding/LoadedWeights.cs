using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Random weights that lie in memory as those of a checkpoint do: in one block, on large pages where the system has them.</summary>
internal sealed class LoadedWeights(ModelShape shape, Generator generator, ScalarType type) : IWeightSource, IDisposable
{
    private readonly WeightArena arena = new(RequiredTensors.Of(shape), type, CPU);

    public bool Has(string name) => false;

    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        Tensor weight = arena[name];
        return shape.Length == 1 ? weight.fill_(1) : weight.normal_(0, 0.02, generator);
    }

    public void Dispose() => arena.Dispose();
}
