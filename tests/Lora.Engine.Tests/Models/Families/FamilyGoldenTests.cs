using System.Text.Json;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Compares each model family with transformers' and PEFT's own numbers, within the tolerance that each reference run states.</summary>
public class FamilyGoldenTests
{
    /// <summary>Those whose blocks the fused step computes.</summary>
    public static TheoryData<string> FusedFamilies { get; } =
    [
        "gemma",
        "llama3",
        "llama_linear",
        "llama_tied_headdim",
        "mistral",
        "phi3",
        "qwen2",
        "qwen3",
    ];

    /// <summary>Those that go by autograd.</summary>
    public static TheoryData<string> AutogradFamilies { get; } =
    [
        "gemma2",
    ];

    /// <summary>All with an adapter's numbers.</summary>
    public static TheoryData<string> AdaptedFamilies { get; } = [.. FusedFamilies.Select(family => family.Data), .. AutogradFamilies.Select(family => family.Data)];

    /// <summary>All with the model's numbers.</summary>
    public static TheoryData<string> Families { get; } = [.. AdaptedFamilies.Select(family => family.Data), "qwen2_sharded", "qwen2_bf16"];

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_and_losses_equal_the_reference(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string folder = Repository.Fixture("families", family);
        Tolerance tolerance = Tolerance.Read(folder);
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, ScalarType.Float32);

        Assert.InRange(Closeness.Largest(model.call(data["input_ids"]), data["logits"]), 0, tolerance.Logits);
        Assert.InRange(Math.Abs(MeanLoss(model, data, "") - data["loss"].ToDouble()), 0, tolerance.Loss);
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void Padding_on_the_right_changes_no_real_token(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string folder = Repository.Fixture("families", family);
        Tolerance tolerance = Tolerance.Read(folder);
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        Tensor mask = data["masked.attention_mask"].unsqueeze(-1);

        Assert.InRange(Closeness.Largest(model.call(data["masked.input_ids"]) * mask, data["masked.logits"] * mask), 0, tolerance.Logits);
        Assert.InRange(Math.Abs(MeanLoss(model, data, "masked.") - data["masked.loss"].ToDouble()), 0, tolerance.Loss);
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void The_configuration_of_transformers_5_gives_the_same_model(string family)
    {
        string folder = Repository.Fixture("families", family);
        string copy = Directory.CreateTempSubdirectory("lora-").FullName;
        File.Copy(Path.Combine(folder, "config.v5.json"), Path.Combine(copy, "config.json"));

        ModelShape older = ModelConfigReader.Read(folder);
        ModelShape newer = ModelConfigReader.Read(copy);

        Assert.Equal(older with { Blocks = [] }, newer with { Blocks = [] });
        Assert.Equal(older.Blocks, newer.Blocks);
        Directory.Delete(copy, recursive: true);
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void An_adapter_gives_the_reference_s_logits_and_gradients(string family) => AssertAdapted(family, (model, _) => new ReferenceStep(model));

    [Theory]
    [MemberData(nameof(FusedFamilies))]
    public void The_fused_step_gives_the_reference_s_gradients(string family) => AssertAdapted(family, (model, adapter) =>
    {
        (IStepEngine engine, string? whyAutograd) = StepEngines.Choose(model, adapter.Layers);
        Assert.Null(whyAutograd);
        return engine;
    });

    [Fact]
    public void A_family_without_a_fused_step_is_trained_by_autograd_which_is_said()
    {
        string folder = Repository.Fixture("families", "gemma2");
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        (IStepEngine engine, string? whyAutograd) = StepEngines.Choose(model, []);

        Assert.IsType<ReferenceStep>(engine);
        Assert.Equal("there is no fused step for models of type 'gemma2'", whyAutograd);
    }

    private static void AssertAdapted(string family, Func<CausalLanguageModel, AttachedAdapter, IStepEngine> choose)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Fixture("families", family);
        Tolerance tolerance = Tolerance.Read(folder);
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        GoldenTensors golden = new(Path.Combine(folder, "lora.safetensors"));
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        using AttachedAdapter adapter = GoldenAdapter.Attach(model, run.RootElement.GetProperty("lora_config"), golden);

        using (no_grad())
        {
            Assert.InRange(Closeness.Largest(model.call(data["input_ids"]), golden["logits"]), 0, tolerance.AdaptedLogits);
        }

        using IStepEngine engine = choose(model, adapter);
        foreach ((string prefix, string gradients) in new[] { ("", "grad."), ("masked.", "grad_masked.") })
        {
            adapter.Arena.Gradients.zero_();
            Batch batch = Batch(data, prefix);
            SupervisedRows rows = SupervisedRows.Of(batch);
            engine.AddGradients(batch, rows, 1.0 / rows.Count);
            foreach (TrainableParameter parameter in adapter.Arena.Parameters)
            {
                Tensor expected = golden[gradients + parameter.Key];
                double largest = expected.abs().max().ToDouble();
                Assert.InRange(Closeness.Largest(parameter.Value.grad!, expected), 0, tolerance.Gradient * largest);
            }
        }
    }

    private static double MeanLoss(CausalLanguageModel model, GoldenTensors data, string prefix)
    {
        Batch batch = Batch(data, prefix);
        SupervisedRows rows = SupervisedRows.Of(batch);
        return rows.SumLoss(model, batch).ToDouble() / rows.Count;
    }

    private static Batch Batch(GoldenTensors data, string prefix) => GoldenBatch.Of(data[prefix + "input_ids"], data[prefix + "labels"]);

    private sealed record Tolerance(double Logits, double AdaptedLogits, double Loss, double Gradient)
    {
        public static Tolerance Read(string folder)
        {
            using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
            JsonElement tolerance = run.RootElement.GetProperty("suggested_tolerance");
            return new(Value("logits_abs"), Value("lora_logits_abs"), Value("loss_abs"), Value("grad_rel_to_tensor_max"));

            double Value(string name) => tolerance.TryGetProperty(name, out JsonElement value) ? value.GetDouble() : double.NaN;
        }
    }
}
