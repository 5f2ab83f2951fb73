using Lora.Adapters;
using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>A model with an adapter and a batch of documents of unequal lengths, one of them of several blocks of queries.</summary>
internal sealed class FusedStepCase
{
    public FusedStepCase(string family, ScalarType type, string[] modules, LoraQuantization quantization = LoraQuantization.None, LoraConfig? config = null)
        : this(Load(family, type, quantization), modules, config)
    {
    }

    public FusedStepCase(CausalLanguageModel model, string[] modules, LoraConfig? config = null)
    {
        Model = model;
        Adapter = new(Model, config ?? new LoraConfig(), [.. modules.Select((module, index) => new AdapterTarget(module, 2 + (index % 3), 0.5 + index))], CPU, seed: 5);
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Dictionary<TrainableParameter, Tensor> magnitudes = Adapter.Arena.Parameters.Where(parameter => PeftKey.IsMagnitude(parameter.Key)).ToDictionary(parameter => parameter, parameter => parameter.Value.clone());
        Adapter.Arena.Values.copy_(randn([Adapter.Arena.Count], device: CPU, generator: new Generator(3, CPU)).Multiply(0.05));
        foreach ((TrainableParameter parameter, Tensor begun) in magnitudes)
        {
            parameter.Value.mul_(begun).Multiply(4).Add(begun); // about the norms, as training leaves them
        }

        Random random = new(7);
        int most = Model.Shape.LearnedPositions?.Count ?? int.MaxValue;
        Examples = [.. new[] { 5, 300, 1, 40 }.Select((length, index) => Example(random, Math.Min(length, most), index))];
        Batch = Batch.Of(Examples, padId: 0);
        Rows = SupervisedRows.Of(Batch);
    }

    /// <summary>Every linear layer of the first two blocks.</summary>
    public static string[] Everything(string family) => Everything(ShapeOf(family), 2);

    /// <summary>Every linear layer of the first blocks.</summary>
    public static string[] Everything(ModelShape shape, int layers) => [.. Enumerable.Range(0, layers).SelectMany(layer => InBlock(shape, layer))];

    /// <summary>Linear layers of a block.</summary>
    /// <param name="family">The model.</param>
    /// <param name="layer">The block's number.</param>
    /// <param name="roles">Their names in it; none for all.</param>
    public static string[] InBlock(string family, int layer, params string[] roles) => InBlock(ShapeOf(family), layer, roles);

    private static ModelShape ShapeOf(string family) =>
        (ModelShape)ModelConfigReader.Read(FamilyCase.HasNoRun(family) ? Repository.Fixture("families", family) : GoldenFamily.FolderOf(family));

    private static string[] InBlock(ModelShape shape, int layer, params string[] roles) =>
        [.. (roles.Length == 0 ? shape.Blocks[layer].Products.SelectMany(names => names) : roles).Select(role => $"{shape.BlockPrefix}{layer}.{role}")];

    public CausalLanguageModel Model { get; }

    public AttachedAdapter Adapter { get; }

    public TrainingExample[] Examples { get; }

    public Batch Batch { get; }

    public SupervisedRows Rows { get; }

    public FusedStep Fused(IKernels? kernels = null) => new(Model.Fused, Factors(), kernels);

    public FusedLayer Layer(int index, IKernels? kernels = null, TensorStack? scratch = null) =>
        new(Model.Fused.Layers[index], Factors(), kernels ?? KernelSet.Of(CPU, Model.Fused.Embedding.dtype), scratch ?? new TensorStack(CPU));

    public double Loss(IStepEngine engine, double scale = 1) => engine.AddGradients(Batch, Rows, scale / Rows.Count);

    public Tensor Gradients(IStepEngine engine, double scale = 1)
    {
        Adapter.Arena.Gradients.zero_();
        Loss(engine, scale);
        return Adapter.Arena.Gradients.clone();
    }

    /// <summary>Gives the frozen weights the values that they have in a narrower dtype.</summary>
    public void RoundWeights(ScalarType type)
    {
        using IDisposable noGradient = no_grad();
        foreach (Tensor weight in Model.parameters().Where(weight => !weight.requires_grad))
        {
            weight.copy_(weight.to(type));
        }
    }

    private static CausalLanguageModel Load(string family, ScalarType type, LoraQuantization quantization)
    {
        using TemporaryFolder files = new();
        return ModelLoader.Load(FamilyCase.FolderOf(family, files), CPU, type, quantization);
    }

    private IReadOnlyDictionary<string, LowRankFactors> Factors() => LinearFactors.Of(Adapter.Layers).Factors!;

    private TrainingExample Example(Random random, int length, int index)
    {
        int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(Model.Shape.VocabularySize))];
        int[] labels = [.. ids.Select(id => random.Next(3) == 0 ? TrainingExample.Unsupervised : id)];
        return new(ids, labels, index + 1);
    }
}
