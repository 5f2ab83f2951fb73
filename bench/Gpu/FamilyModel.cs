using Lora.Adapters;
using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>A small model of a family, by the configuration of a test's fixture, with an adapter on every linear layer of its blocks; drawn, and the same on every device.</summary>
internal sealed class FamilyModel : IDisposable
{
    // Scores and gates of widths of 32 to 48 are of the size of those of trained models.
    private const double Deviation = 0.12;
    private const double DeviationFromOne = 0.1;
    private const double DeviationOfAdapter = 0.05;

    // Fewer than the positions that any of them has learned; the windows are 6 to 9.
    private static readonly int[] Lengths = [5, 37, 1, 17];

    private readonly TrainingExample[] texts;

    /// <param name="shape">The family's.</param>
    /// <param name="form">What is special.</param>
    /// <param name="type">Of the frozen weights.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="rounding">What the weights are rounded to first.</param>
    public FamilyModel(ModelShape shape, Form form, ScalarType type, Device device, ScalarType rounding)
    {
        texts = RandomRows.Of(shape.VocabularySize, Lengths);
        RandomWeights weights = new(new Generator(1, CPU), type, device, form.Quantization) { Deviation = Deviation, DeviationFromOne = DeviationFromOne, Rounding = rounding };
        Model = new(shape, weights, device);
        IEnumerable<string> modules =
            from layer in Enumerable.Range(form.Lowest, shape.Blocks.Count - form.Lowest)
            from product in shape.Blocks[layer].Products
            from name in product
            select $"{shape.BlockPrefix}{layer}.{name}";

        // Ranks that are no multiple of what a card's products want, and unequal ones among those that share an input.
        AdapterTarget[] targets = [.. modules.Concat(form.HasHead ? [shape.Head.Name] : []).Select((name, index) => new AdapterTarget(name, 2 + (index % 3), 0.5 + (index % 4)))];
        Adapter = new(Model, form.Config, targets, device, seed: 5);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Adapter.Arena.Values.Add(randn([Adapter.Arena.Count], device: CPU, generator: new Generator(3, CPU)).Multiply(DeviationOfAdapter).to(device));
    }

    public CausalLanguageModel Model { get; }

    public AttachedAdapter Adapter { get; }

    /// <summary>All texts in one batch, as a step takes them.</summary>
    public Batch[] Together => [Batch.Of(texts, padId: 0)];

    /// <summary>Each text alone, so that nothing is padded and a rotation that hangs on the length is the text's own.</summary>
    public Batch[] Apart => [.. texts.Select(text => Batch.Of([text], padId: 0))];

    /// <summary>The fused step, which the caller disposes of.</summary>
    public FusedStep Fused(IKernels kernels) => new(Model.Fused, LinearFactors.Of(Adapter.Layers).Factors!, kernels);

    /// <summary>The gradients of the mean loss, [values], float64, on the processor, and that loss.</summary>
    /// <param name="engine">Takes them.</param>
    /// <param name="batches">Of all texts.</param>
    /// <param name="scale">What the loss is multiplied by meanwhile.</param>
    public (Tensor Gradients, double Loss) Gradients(IStepEngine engine, Batch[] batches, double scale = 1)
    {
        using DisposeScope scope = NewDisposeScope();
        Adapter.Arena.Gradients.zero_();
        int count = batches.Sum(batch => SupervisedRows.Of(batch).Count);
        double loss = 0;
        foreach (Batch batch in batches)
        {
            loss += engine.AddGradients(batch, SupervisedRows.Of(batch), scale / count) / scale;
            Adapter.GatherGradients();
        }

        return (Adapter.Arena.Gradients.cpu().to(ScalarType.Float64).Times(1 / scale).MoveToOuterDisposeScope(), loss);
    }

    public void Dispose()
    {
        Adapter.Dispose();
        Model.Dispose();
    }
}

/// <summary>What is special about a model and its adapter.</summary>
/// <param name="Quantization">How the matrices of the blocks are held.</param>
/// <param name="Lowest">The lowest block that is adapted.</param>
/// <param name="HasHead">Whether the head is adapted too.</param>
internal sealed record Form(LoraQuantization Quantization = LoraQuantization.None, int Lowest = 0, bool HasHead = false)
{
    /// <summary>Of the adapter.</summary>
    public LoraConfig Config { get; init; } = new();
}
