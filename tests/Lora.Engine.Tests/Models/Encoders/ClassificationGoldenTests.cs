using System.Text.Json;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Classifiers with PEFT's adapters on them: logits, losses, gradients and merged logits of PEFT's own classes.</summary>
public class ClassificationGoldenTests
{
    [Theory]
    [InlineData("seq_single_label", "SEQ_CLS", true)]
    [InlineData("seq_multi_label", "SEQ_CLS", false)]
    [InlineData("seq_regression", "SEQ_CLS", true)]
    [InlineData("seq_regression_3", "SEQ_CLS", true)]
    [InlineData("seq_pooler_saved", "SEQ_CLS", true)]
    [InlineData("tok_ignore_index", "TOKEN_CLS", true)]
    public void An_adapter_with_its_head_gives_PEFT_s_numbers(string name, string task, bool areNumbers)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Shared("golden2", "classification", name);
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        JsonElement tolerance = run.RootElement.GetProperty("suggested_tolerance");
        double logitTolerance = tolerance.GetProperty("logits_abs").GetDouble(), gradientTolerance = tolerance.GetProperty("grad_rel_to_tensor_max").GetDouble();
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using TaskModel model = GoldenTask.Load(folder, task: task);
        Batch batch = Batch(data, model.Task, areNumbers);
        using (no_grad())
        {
            AssertLogits(model, batch, data, "adapter_off_logits", logitTolerance);
        }

        LoraAdapter stored = AdapterFolder.Load(folder);
        AdapterContents contents = AdapterContents.Of(stored);
        GoldenTensors values = new(Path.Combine(folder, "adapter_model.safetensors"));

        // PEFT notes the heads of all its classes, of which a model has one.
        HashSet<string> modules = [.. model.named_modules().Select(module => module.name)];
        LoraConfig config = contents.Config with { Initialization = "true", ModulesToSave = [.. contents.Config.ModulesToSave!.Where(modules.Contains)] };
        using AttachedAdapter adapter = new(model, config, [.. GoldenAdapter.Targets(stored.Config, values)], CPU, seed: 1);
        AdapterTensors.Load(adapter, stored);
        using (no_grad())
        {
            AssertLogits(model, batch, data, "logits", logitTolerance);
        }

        using ReferenceStep step = new(model);
        SupervisedRows rows = SupervisedRows.Of(batch);
        double loss = step.AddGradients(batch, rows, 1.0 / rows.Count);
        Assert.InRange(Math.Abs(loss - run.RootElement.GetProperty("loss").GetDouble()), 0, tolerance.GetProperty("loss_abs").GetDouble());
        Assert.Equal(data.Names.Count(key => key.StartsWith("grad/", StringComparison.Ordinal)), adapter.Arena.Parameters.Count);
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            Tensor expected = data["grad/" + parameter.Key];
            Assert.InRange(Closeness.Largest(parameter.Value.grad!, expected), 0, gradientTolerance * expected.abs().max().ToDouble());
        }

        adapter.Merge();
        using (no_grad())
        {
            AssertLogits(model, batch, data, "merged_logits", logitTolerance);
        }
    }

    [Fact]
    public void Keys_and_configuration_are_read_and_written_as_PEFT_has_them()
    {
        string folder = Repository.Shared("golden2", "classification", "seq_pooler_saved");
        LoraAdapter stored = AdapterFolder.Load(folder);
        using TemporaryFolder copy = new();

        AdapterFolder.Save(stored, copy.File("adapter"));

        using JsonDocument before = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")));
        using JsonDocument after = JsonDocument.Parse(File.ReadAllText(Path.Combine(copy.File("adapter"), "adapter_config.json")));
        foreach (string key in new[] { "task_type", "modules_to_save", "target_modules", "use_rslora", "r" })
        {
            Assert.True(JsonElement.DeepEquals(before.RootElement.GetProperty(key), after.RootElement.GetProperty(key)), key);
        }
    }

    private static Batch Batch(GoldenTensors data, TaskKind task, bool areNumbers)
    {
        Batch batch = GoldenTask.Batch(data, "", task == TaskKind.TokenClassification ? LabelPlace.Own : LabelPlace.First);
        return Lora.Data.Batch.Of([.. batch.Examples.Select(example => example with { Values = example.Values is null ? null : example.Values with { AreNumbers = areNumbers } })], padId: 0);
    }

    private static void AssertLogits(TaskModel model, Batch batch, GoldenTensors data, string name, double tolerance)
    {
        Tensor hidden = model.Hidden(batch);
        bool isOfTokens = model.Task == TaskKind.TokenClassification;
        Tensor logits = model.Head(isOfTokens ? hidden : hidden.select(1, 0));
        Tensor kept = isOfTokens ? data["attention_mask"].unsqueeze(-1) : ones_like(logits);
        Assert.InRange(Closeness.Largest(logits * kept, data[name] * kept), 0, tolerance);
    }
}
