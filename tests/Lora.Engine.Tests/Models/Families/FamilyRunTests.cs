using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Export;
using Lora.Models;
using Lora.Selection;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Thirty training steps of each family, on the rows of its reference run where there is one.</summary>
public sealed class FamilyRunTests : IDisposable
{
    private const int Steps = 30;

    private static readonly LoraConfig Config = new() { Rank = 4, Alpha = 8, TargetPattern = "all-linear" };

    /// <summary>Those that the fused step serves.</summary>
    public static TheoryData<string> FusedFamilies { get; } = [.. FamilyGoldenTests.FusedFamilies.Select(family => family.Data), .. FamilyGoldenTests.FusedFactFamilies.Select(family => family.Data)];

    /// <summary>All of them.</summary>
    public static TheoryData<string> Families { get; } =
        [.. FusedFamilies.Select(family => family.Data), .. FamilyGoldenTests.AutogradFamilies.Select(family => family.Data), .. FamilyGoldenTests.AutogradFactFamilies.Select(family => family.Data)];

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void The_loss_falls_and_what_is_exported_and_merged_is_the_adapted_model(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        FamilyCase given = FamilyCase.Open(family, files);
        using CausalLanguageModel model = ModelLoader.Load(given.Folder, CPU, ScalarType.Float32);
        using AttachedAdapter adapter = Adapt(model, given.Folder);
        (IStepEngine engine, _) = StepEngines.Choose(model, adapter.Layers);
        using IStepEngine owned = engine;

        double[] losses = Train(adapter, given.Batch, engine, _ => { });
        using IDisposable noGradient = no_grad();
        Tensor adapted = model.call(given.Ids); // [batch, tokens, vocabulary]
        AdapterFolder.Save(AdapterTensors.Snapshot(adapter, Config), files.File("adapter"));
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(AdapterFolder.Load(files.File("adapter")), given.Folder, files.File("merged")).Verification.Outcome);
        using CausalLanguageModel merged = ModelLoader.Load(files.File("merged"), CPU, ScalarType.Float32);

        Assert.True(losses[^1] < 0.7 * losses[0], $"{losses[0]} became {losses[^1]}");
        Assert.InRange(Closeness.Relative(merged.call(given.Ids), adapted), 0, 1e-5);
    }

    [Theory]
    [MemberData(nameof(FusedFamilies))]
    public void At_each_step_the_fused_gradients_are_autograd_s(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        FamilyCase given = FamilyCase.Open(family, files);
        Batch batch = given.Padded;
        SupervisedRows rows = SupervisedRows.Of(batch);
        using CausalLanguageModel model = ModelLoader.Load(given.Folder, CPU, ScalarType.Float32);
        using AttachedAdapter adapter = Adapt(model, given.Folder);
        (IStepEngine engine, string? whyAutograd) = StepEngines.Choose(model, adapter.Layers);
        using IStepEngine fused = engine;
        using ReferenceStep autograd = new(model);
        Assert.Null(whyAutograd);

        Train(adapter, batch, fused, loss =>
        {
            using Tensor gradients = adapter.Arena.Gradients.clone(); // [values]
            adapter.Arena.Gradients.zero_();

            Assert.Equal(autograd.AddGradients(batch, rows, 1.0 / rows.Count), loss, Closeness.To(5));
            Assert.InRange(Closeness.Relative(gradients, adapter.Arena.Gradients), 0, 1e-4);
        });
    }

    private static AttachedAdapter Adapt(CausalLanguageModel model, string folder)
    {
        ModuleTree tree = ModuleTree.Read(folder);
        ResolvedTargets resolved = TargetResolver.Resolve(Config, tree.Modules, tree.Containers, tree.ModelType);
        return new(model, Config, [.. resolved.Targets.Select(target => new AdapterTarget(target.Module.Name, target.Rank, target.Scaling))], CPU, seed: 5);
    }

    /// <summary>The loss before each step.</summary>
    /// <param name="adapter">What learns.</param>
    /// <param name="batch">The rows of every step.</param>
    /// <param name="engine">Takes the gradients.</param>
    /// <param name="onGradients">Told of each loss when its gradients are there.</param>
    private static double[] Train(AttachedAdapter adapter, Batch batch, IStepEngine engine, Action<double> onGradients)
    {
        SupervisedRows rows = SupervisedRows.Of(batch);
        using AdamW optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0);
        double[] losses = new double[Steps];
        for (int step = 0; step < Steps; step++)
        {
            adapter.Arena.Gradients.zero_();
            losses[step] = engine.AddGradients(batch, rows, 1.0 / rows.Count);
            onGradients(losses[step]);
            optimizer.Step(1e-2);
        }

        return losses;
    }
}
