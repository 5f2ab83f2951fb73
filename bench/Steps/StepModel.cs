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
    /// <param name="sizes">The sizes.</param>
    /// <param name="lowest">The lowest block that is adapted.</param>
    /// <param name="device">Where it is; null for the processor.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="dropout">The probability that a value is dropped before A.</param>
    /// <param name="useDora">Whether magnitudes are trained too.</param>
    public StepModel(
        ScalarType type, DecoderSizes sizes, int lowest = 0, Device? device = null, LoraQuantization quantization = LoraQuantization.None, double dropout = 0, bool useDora = false)
        : this(type, sizes, sizes.GatedMlp(), lowest, device, quantization, dropout, useDora)
    {
    }

    /// <param name="type">Of the frozen weights.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="mlp">The MLP of each block.</param>
    /// <param name="lowest">The lowest block that is adapted.</param>
    /// <param name="device">Where it is; null for the processor.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="dropout">The probability that a value is dropped before A.</param>
    /// <param name="useDora">Whether magnitudes are trained too.</param>
    public StepModel(
        ScalarType type, DecoderSizes sizes, MlpShape mlp, int lowest = 0, Device? device = null, LoraQuantization quantization = LoraQuantization.None, double dropout = 0, bool useDora = false)
    {
        Sizes = sizes;
        this.lowest = lowest;
        products = [.. BlockProduct.In(sizes, mlp)];
        device ??= CPU;
        Model = new(Shapes.Model(sizes, mlp), new RandomWeights(new Generator(1, CPU), type, device, quantization), device);
        Adapter = new(Model, new LoraConfig { Rank = Rank, Dropout = dropout, UseDora = useDora }, [.. Targets()], device, seed: 1) { IsTraining = true };
    }

    public DecoderSizes Sizes { get; }

    public CausalLanguageModel Model { get; }

    public AttachedAdapter Adapter { get; }

    /// <summary>The fused step, which the caller disposes of.</summary>
    /// <param name="kernels">Null for the fastest that serve the weights' device and dtype.</param>
    public FusedStep Fused(IKernels? kernels = null) => new(Model.Fused, LinearFactors.Of(Adapter.Layers).Factors!, kernels);

    /// <summary>Rows of random tokens, all of them learned.</summary>
    public Batch Rows(params int[] lengths) => Batch.Of(RandomRows.Of(Sizes.VocabularySize, lengths), padId: 0);

    /// <summary>The floating-point operations that a step cannot do without: each frozen product forward and for the gradient of its input,
    /// those of A and B three times, attention on the causal half, 3.5 times its forward pass; below the lowest adapted block the forward pass alone.</summary>
    public double Work(Batch batch)
    {
        long tokens = batch.Lengths.Sum();
        double learning = Sizes.Layers - lowest;
        double frozen = 2.0 * tokens * (Sizes.Layers + learning) * products.Sum(product => product.Share * product.Inputs * product.Outputs);
        double head = 4.0 * batch.TargetCount * Sizes.HiddenSize * Sizes.VocabularySize;
        double adapter = 6.0 * tokens * learning * Rank * products.Sum(product => product.Share * (product.Inputs + product.Outputs));
        double attention = 2.0 * (Sizes.Layers + (2.5 * learning)) * Sizes.Heads * Sizes.HeadDimension * batch.Lengths.Sum(length => (double)length * length);
        return frozen + head + adapter + attention;
    }

    public void Dispose()
    {
        Adapter.Dispose();
        Model.Dispose();
    }

    private IEnumerable<AdapterTarget> Targets() =>
        from layer in Enumerable.Range(lowest, Sizes.Layers - lowest)
        from product in products
        select new AdapterTarget($"model.layers.{layer}.{product.Layer}", Rank, Scaling: 2);
}
