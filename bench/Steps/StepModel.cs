using Lora.Adapters;
using Lora.Data;
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
    public StepModel(ScalarType type, DecoderSizes sizes, int lowest = 0)
        : this(type, sizes, sizes.GatedMlp(), lowest)
    {
    }

    /// <param name="type">Of the frozen weights.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="mlp">The MLP of each block.</param>
    /// <param name="lowest">The lowest block that is adapted.</param>
    public StepModel(ScalarType type, DecoderSizes sizes, MlpShape mlp, int lowest = 0)
    {
        Sizes = sizes;
        this.lowest = lowest;
        products = [.. BlockProduct.In(sizes, mlp)];
        Model = new(Shapes.Model(sizes, mlp), new RandomWeights(new Generator(1, CPU), type), CPU);
        Adapter = new(Model, new LoraConfig { Rank = Rank }, [.. Targets()], CPU, seed: 1);
    }

    public DecoderSizes Sizes { get; }

    public CausalLanguageModel Model { get; }

    public AttachedAdapter Adapter { get; }

    /// <summary>Rows of random tokens, all of them learned.</summary>
    public Batch Rows(params int[] lengths)
    {
        Random random = new(1);
        return Batch.Of([.. lengths.Select((length, row) => Example(random, length, row))], padId: 0);
    }

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

    private TrainingExample Example(Random random, int length, int row)
    {
        int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(Sizes.VocabularySize))];
        return new(ids, ids, row + 1);
    }
}

/// <summary>Weights that are drawn; those of norms and biases are 1.</summary>
internal sealed class RandomWeights(Generator generator, ScalarType type) : IWeightSource
{
    public bool Has(string name) => false;

    public Tensor Take(string name, params ReadOnlySpan<long> shape) => shape.Length == 1
        ? ones(shape.ToArray(), dtype: type, device: CPU)
        : empty(shape.ToArray(), dtype: type, device: CPU).normal_(0, 0.02, generator);
}
