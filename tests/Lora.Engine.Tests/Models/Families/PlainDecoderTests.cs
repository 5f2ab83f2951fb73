using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Export;
using Lora.Models;
using Lora.Native;
using Lora.Selection;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Families of which there is no reference run, against the same model written down in float64 (<see cref="PlainDecoders"/>).</summary>
public sealed class PlainDecoderTests : IDisposable
{
    private const double Tolerance = 1e-5; // float32 against float64, of logits about 1

    private static readonly int[] Ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 18];
    private static readonly LoraConfig Config = new() { Rank = 2, Alpha = 4, TargetPattern = "all-linear" };

    private readonly TemporaryFolder files = new();

    public static TheoryData<string> Decoders { get; } = [.. PlainDecoders.All.Keys];

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Logits_are_those_of_plain_arithmetic(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using PlainModel plain = new(name);
        using CausalLanguageModel model = (CausalLanguageModel)ModelLoader.Load(plain.Folder, CPU, ScalarType.Float32);
        double[][] expected = PlainDecoders.All[name](plain, Ids);
        Tensor actual = model.call(tensor(Ids.Select(id => (long)id).ToArray(), [1, Ids.Length], device: CPU)).squeeze(0); // [tokens, vocabulary]

        double largest = Enumerable.Range(0, Ids.Length).Max(token => actual[token].data<float>().ToArray().Zip(expected[token], (one, other) => Math.Abs(one - other)).Max());
        Assert.InRange(largest / expected.Max(row => row.Max(Math.Abs)), 0, Tolerance);
        Assert.Empty(plain.Unused);
        Assert.Null(UnusedTensors.Warning(plain.Folder, model.Shape));
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void The_configuration_of_transformers_5_gives_the_same_model(string name)
    {
        Directory.CreateDirectory(files.File("newer"));
        File.Copy(Repository.Fixture("configs", name, "config.v5.json"), files.File(Path.Combine("newer", "config.json")));
        ModelShape older = (ModelShape)ModelConfigReader.Read(Repository.Fixture("configs", name));
        ModelShape newer = (ModelShape)ModelConfigReader.Read(files.File("newer"));

        Assert.Equal(older with { Blocks = [] }, newer with { Blocks = [] });
        Assert.Equal(older.Blocks, newer.Blocks);
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void An_adapter_learns_and_is_the_same_when_it_is_exported_and_merged(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using PlainModel plain = new(name);
        using CausalLanguageModel model = (CausalLanguageModel)ModelLoader.Load(plain.Folder, CPU, ScalarType.Float32);
        using AttachedAdapter adapter = Adapt(model, plain.Folder);
        using ReferenceStep step = new(model);
        double before = Loss(step, adapter);
        for (int count = 0; count < 10; count++)
        {
            Loss(step, adapter);
            using IDisposable frozen = no_grad();
            adapter.Arena.Values.Add(adapter.Arena.Gradients, -0.05 / adapter.Arena.Gradients.norm().ToDouble());
        }

        double after = Loss(step, adapter);
        using IDisposable noGradient = no_grad();
        Tensor ids = tensor(Ids.Select(id => (long)id).ToArray(), [1, Ids.Length], device: CPU);
        Tensor adapted = model.call(ids); // [1, tokens, vocabulary]
        AdapterFolder.Save(AdapterTensors.Snapshot(adapter, Config), files.File("adapter"));
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(AdapterFolder.Load(files.File("adapter")), plain.Folder, files.File("merged")).Verification.Outcome);
        using CausalLanguageModel merged = (CausalLanguageModel)ModelLoader.Load(files.File("merged"), CPU, ScalarType.Float32);

        Assert.True(after < before);
        Assert.InRange(Closeness.Relative(merged.call(ids), adapted), 0, Tolerance);
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Its_size_is_told_from_the_shape_in_32_and_in_4_bits(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using PlainModel plain = new(name);
        foreach (LoraQuantization quantization in Enum.GetValues<LoraQuantization>())
        {
            using CausalLanguageModel model = (CausalLanguageModel)ModelLoader.Load(plain.Folder, CPU, ScalarType.Float32, quantization);
            using AttachedAdapter adapter = Adapt(model, plain.Folder);
            using ReferenceStep step = new(model);

            Assert.True(double.IsFinite(Loss(step, adapter)));
            Assert.Equal(model.WeightSize, WeightSize.Of(model.Shape, ScalarType.Float32, quantization).Held);
        }
    }

    private static AttachedAdapter Adapt(CausalLanguageModel model, string folder)
    {
        ModuleTree tree = ModuleTree.Read(folder);
        ResolvedTargets resolved = TargetResolver.Resolve(Config, tree.Modules, tree.Containers, tree.ModelType);
        return new(model, Config, [.. resolved.Targets.Select(target => new AdapterTarget(target.Module.Name, target.Rank, target.Scaling))], CPU, seed: 5);
    }

    private static double Loss(ReferenceStep step, AttachedAdapter adapter)
    {
        Batch batch = Batch.Of([new TrainingExample(Ids, Ids, 1)], padId: 0);
        SupervisedRows rows = SupervisedRows.Of(batch);
        adapter.Arena.Gradients.zero_();
        return step.AddGradients(batch, rows, 1.0 / rows.Count);
    }
}
