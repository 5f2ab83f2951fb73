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
        Examples = [.. new[] { 5, 300, 1, 40 }.Select((length, index) => Example(random, length, index))];
        Batch = Batch.Of(Examples, padId: 0);
        Rows = SupervisedRows.Of(Batch);
    }

    /// <summary>Every linear layer of a block, by its name there.</summary>
    public static string[] Roles(string family) => family == "phi3"
        ? ["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj"]
        : ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    /// <summary>Every linear layer of the first two blocks.</summary>
    public static string[] Everything(string family) => Modules(2, Roles(family));

    /// <summary>The names of a role in each of the first blocks.</summary>
    public static string[] Modules(int layers, string[] roles) =>
        [.. Enumerable.Range(0, layers).SelectMany(layer => roles.Select(role => $"model.layers.{layer}.{role}"))];

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
