using System.Text.Json;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>Repeats whole training runs that PEFT and torch's AdamW made on stories260K, from the same start on the same data.</summary>
public class GoldenRunTests
{
    private const double LossTolerance = 1e-4;
    private const double GradientTolerance = 1e-5;
    private const double FinalTolerance = 1e-3;

    [Theory]
    [InlineData("base")]
    [InlineData("rslora")]
    [InlineData("layers")]
    [InlineData("bias")]
    public void A_run_equals_PEFT_s_step_by_step(string name)
    {
        string folder = Repository.Shared("golden", name);
        using DisposeScope scope = NewDisposeScope();
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using CausalLanguageModel model = ModelLoader.Load(Repository.Shared("models", "stories260K"), CPU, ScalarType.Float32);
        using AttachedAdapter adapter = GoldenAdapter.Attach(
            model, run.RootElement.GetProperty("lora_config"), new(Path.Combine(folder, "adapter_init.safetensors")));
        JsonElement optimizer = run.RootElement.GetProperty("optimizer");
        TrainingOptions options = new()
        {
            LearningRate = optimizer.GetProperty("lr").GetDouble(),
            WeightDecay = optimizer.GetProperty("weight_decay").GetDouble(),
            MaxGradientNorm = optimizer.GetProperty("clip_grad_norm").GetDouble(),
        };
        Tensor ids = data["input_ids"]; // [steps, rows, tokens]
        TrainingStepBatches[] steps = [.. Enumerable.Range(0, (int)ids.shape[0])
            .Select(step => new TrainingStepBatches(step + 1, 0, [GoldenBatch.Of(ids[step], ids[step])]))];

        AssertFirstGradients(model, adapter, steps[0], new(Path.Combine(folder, "grad_step1.safetensors")));
        TrainingLoop loop = new(model, adapter, options);
        LearningRate rate = new(options.LearningRate, TrainingSchedule.Constant, 0, steps.Length);
        Assert.Equal(LoraStopReason.Completed, loop.Run(steps, rate, _ => { }, CancellationToken.None));

        foreach ((JsonElement expected, LoraTrainingStep actual) in run.RootElement.GetProperty("log").EnumerateArray().Zip(loop.History))
        {
            double loss = expected.GetProperty("loss").GetDouble();
            Assert.InRange(Math.Abs(actual.Loss - loss) / loss, 0, LossTolerance);
        }

        GoldenTensors final = new(Path.Combine(folder, "adapter_final.safetensors"));
        Tensor expectedValues = cat([.. adapter.Arena.Parameters.Select(parameter => final[parameter.Key].flatten())]);
        Assert.InRange(Closeness.Relative(adapter.Arena.Values, expectedValues), 0, FinalTolerance);
        using (no_grad())
        {
            Assert.InRange(Closeness.Relative(model.call(ids[0]), data["final_logits"]), 0, FinalTolerance);
        }
    }

    private static void AssertFirstGradients(CausalLanguageModel model, AttachedAdapter adapter, TrainingStepBatches step, GoldenTensors expected)
    {
        (Batch batch, SupervisedRows rows) = step.Batches[0];
        rows.SumLoss(model, batch).div(rows.Count).backward();
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            Tensor reference = expected[parameter.Key];
            double norm = reference.norm().ToDouble();
            double error = (parameter.Value.grad! - reference).norm().ToDouble();
            Assert.InRange(error, 0, norm > 0 ? GradientTolerance * norm : 0);
        }
    }
}
