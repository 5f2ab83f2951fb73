using Lora.Adapters;
using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>A model with random weights and an adapter of rank 16 on every linear layer of its blocks, or of the upper ones.</summary>
internal sealed class StepModel : IDisposable
{
    private const int Rank = 16;

    private readonly int lowest;
    private readonly BlockProduct[] products;

    /// <param name="type">Of the frozen weights.</param>
    /// <param name="shape">The model's.</param>
    /// <param name="lowest">The lowest block that is adapted.</param>
    /// <param name="device">Where it is; null for the processor.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="config">What is special of the adapter; its rank is not.</param>
    public StepModel(ScalarType type, ModelShape shape, int lowest = 0, Device? device = null, LoraQuantization quantization = LoraQuantization.None, LoraConfig? config = null)
    {
        this.lowest = lowest;
        products = [.. BlockProduct.In(shape)];
        device ??= CPU;
        Model = new(shape, new RandomWeights(new Generator(1, CPU), type, device, quantization), device);
        Adapter = new(Model, (config ?? new()) with { Rank = Rank }, [.. Targets(shape)], device, seed: 1) { IsTraining = true };
    }

    public CausalLanguageModel Model { get; }

    public AttachedAdapter Adapter { get; }

    /// <summary>The fused step, which the caller disposes of.</summary>
    /// <param name="kernels">Null for the fastest that serve the weights' device and dtype.</param>
    public FusedStep Fused(IKernels? kernels = null) => new(Model.Fused, LinearFactors.Of(Adapter.Layers).Factors!, kernels);

    /// <summary>Rows of random tokens, all of them learned.</summary>
    public Batch Rows(params int[] lengths) => Batch.Of(RandomRows.Of(Model.Shape.VocabularySize, lengths), padId: 0);

    /// <summary>The floating-point operations that a step cannot do without: each frozen product forward and for the gradient of its input,
    /// those of A and B three times, attention on the causal half, 3.5 times its forward pass; below the lowest adapted block the forward pass alone.</summary>
    public double Work(Batch batch)
    {
        ModelShape shape = Model.Shape;
        AttentionShape heads = shape.Blocks[0].SelfAttention;
        long tokens = batch.Lengths.Sum();
        double learning = shape.Blocks.Count - lowest;
        double frozen = 2.0 * tokens * (shape.Blocks.Count + learning) * products.Sum(product => product.Share * product.Values);
        double head = 4.0 * batch.TargetCount * shape.HiddenSize * shape.VocabularySize;
        double adapter = 6.0 * tokens * learning * Rank * products.Sum(product => product.Share * product.Widths);
        double attention = 2.0 * (shape.Blocks.Count + (2.5 * learning)) * heads.Heads * heads.HeadDimension * batch.Lengths.Sum(length => (double)length * length);
        return frozen + head + adapter + attention;
    }

    public void Dispose()
    {
        Adapter.Dispose();
        Model.Dispose();
    }

    private IEnumerable<AdapterTarget> Targets(ModelShape shape) =>
        from layer in Enumerable.Range(lowest, shape.Blocks.Count - lowest)
        from product in products
        select new AdapterTarget($"{shape.BlockPrefix}{layer}.{product.Layer}", Rank, Scaling: 2);
}
