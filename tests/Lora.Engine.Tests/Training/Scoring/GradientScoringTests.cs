using System.Text.Json;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Tests.Models;
using Lora.Tools.Operators;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>Scores of rows against the float64 numbers of a reference run on a trained model of 260,000 values.</summary>
public class GradientScoringTests
{
    private static string Golden => Repository.Shared("golden2", "scores");
    private static string Model => Repository.Shared("models", "stories260K");

    [Fact]
    public void Gradients_and_Fisher_sums_of_B_are_the_reference_s()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden, "gradients.json")));
        JsonElement modules = json.RootElement.GetProperty("modules");
        (IReadOnlyDictionary<string, ModuleScores> scores, _) = Score(out _);

        Assert.Equal(35, scores.Count);
        Assert.All(scores, entry =>
        {
            // 1e-4 of the value: the reference's own float32 run differs from its float64 run by up to 1e-6.
            JsonElement expected = modules.GetProperty(entry.Key);
            AssertNear(expected.GetProperty("dB_norm").GetDouble(), entry.Value.Gradient!.Value);
            AssertNear(expected.GetProperty("fisher_sum_B").GetDouble(), entry.Value.Fisher!.Value);
        });
    }

    [Fact]
    public void The_energy_of_inputs_is_that_of_what_each_module_is_called_with()
    {
        (IReadOnlyDictionary<string, ModuleScores> scores, CausalLanguageModel model) = Score(out TrainingExample[] rows, keep: true);
        using (model)
        {
            using IDisposable noGradient = no_grad();
            Dictionary<string, (double Sum, long Count)> sums = [];
            foreach ((string name, nn.Module module) in model.named_modules().Where(entry => scores.ContainsKey(entry.name)))
            {
                ((nn.Module<Tensor, Tensor>)module).register_forward_hook((_, input, output) =>
                {
                    using Tensor wide = input.to(ScalarType.Float64);
                    using Tensor square = wide * wide;
                    (double sum, long count) = sums.GetValueOrDefault(name);
                    sums[name] = (sum + square.sum().ToDouble(), count + input.NumberOfElements);
                    return output;
                });
            }

            foreach (TrainingExample row in rows)
            {
                using DisposeScope scope = NewDisposeScope();
                model.call(tensor(row.Ids.Select(id => (long)id).ToArray(), [1, row.Ids.Length], device: CPU));
            }

            Assert.All(scores, entry => AssertNear(sums[entry.Key].Sum / sums[entry.Key].Count, entry.Value.Activation!.Value));
        }
    }

    /// <summary>META cannot be read: what runs there whole waits for nothing.</summary>
    [Fact]
    public void A_row_is_scored_without_waiting_for_the_device()
    {
        Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");
        using MetaStep step = new("llama3", 2);

        // The energies of what four products are given in two blocks.
        Assert.InRange(step.Scored(length: 64).Count(launched => launched.Name is "aten::norm" or "aten::linalg_vector_norm"), 8, 16);
    }

    private static (IReadOnlyDictionary<string, ModuleScores> Scores, CausalLanguageModel Model) Score(out TrainingExample[] rows, bool keep = false)
    {
        GoldenTensors values = new(Path.Combine(Golden, "grad_adapter_model.safetensors"));
        GoldenTensors data = new(Path.Combine(Golden, "grad_data.safetensors"));
        rows = [.. GoldenBatch.Of(data["input_ids"], data["input_ids"]).Examples];
        CausalLanguageModel model = ModelLoader.Load(Model, CPU, ScalarType.Float32);
        string[] names = [.. Linear()];
        using (AttachedAdapter adapter = new(model, new LoraConfig { Rank = 2, Alpha = 4 }, [.. names.Select(name => new AdapterTarget(name, 2, 2.0))], CPU, seed: 1))
        {
            using (no_grad())
            {
                foreach (TrainableParameter parameter in adapter.Arena.Parameters.Where(parameter => parameter.Key.Contains(".lora_A.", StringComparison.Ordinal)))
                {
                    parameter.Value.copy_(values[parameter.Key]);
                }
            }

            using GradientScoring scoring = new(model, adapter, watchesInputs: true);
            Array.ForEach(rows, scoring.Add);
            IReadOnlyDictionary<string, ModuleScores> scores = scoring.Scores();
            if (!keep)
            {
                model.Dispose();
            }

            return (scores, model);
        }
    }

    private static IEnumerable<string> Linear() => ModuleTree.Read(Model).Modules
        .Where(module => module.Kind == LoraModuleKind.Linear && module.Layer is not null).Select(module => module.Name);

    private static void AssertNear(double expected, double actual) => Assert.InRange(actual, expected * (1 - 1e-4), expected * (1 + 1e-4));
}
