using System.Globalization;
using System.Text.Json;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Compares encoders, T5 and ViT with transformers' and PEFT's own numbers, within the tolerance that each reference run states.</summary>
public class EncoderGoldenTests
{
    public static TheoryData<string, string> Encoders { get; } = new()
    {
        { "bert_mlm", "config.json" }, { "bert_mlm", "config.v5.json" }, { "bert_mlm_gamma_beta", "config.json" },
        { "roberta_mlm", "config.json" }, { "roberta_mlm", "config.v5.json" }, { "distilbert_mlm", "config.json" }, { "distilbert_mlm", "config.v5.json" },
        { "bert_seqcls", "config.json" }, { "bert_seqcls", "config.v5.json" }, { "t5", "config.json" }, { "t5", "config.v5.json" },
    };

    public static TheoryData<string> Adapted { get; } = ["bert_mlm", "roberta_mlm", "distilbert_mlm", "bert_seqcls", "t5"];

    [Theory]
    [MemberData(nameof(Encoders))]
    public void Logits_losses_and_hidden_states_equal_the_reference(string family, string config)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string folder = Repository.Shared("families", family);
        Tolerance tolerance = Tolerance.Read(folder);
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using TaskModel model = GoldenTask.Load(folder, config);
        HiddenStates states = new(model);
        foreach (string prefix in new[] { "", "masked." }.Where(prefix => data.Names.Contains(prefix + "logits")))
        {
            Batch batch = Batch(model, data, prefix);
            Tensor hidden = model.Hidden(batch);
            if (prefix.Length == 0)
            {
                states.AssertEqual(data, tolerance.Logits);
            }

            Tensor logits = model.Head(model.Task == TaskKind.SequenceClassification ? hidden.select(1, 0) : hidden);
            Tensor kept = Kept(model, data, prefix, logits);
            Assert.InRange(Closeness.Largest(logits * kept, data[prefix + "logits"] * kept), 0, tolerance.Logits);
            if (data.Names.Contains(prefix + "loss"))
            {
                SupervisedRows rows = SupervisedRows.Of(batch);
                Assert.InRange(Math.Abs((rows.SumLoss(model, batch).ToDouble() / rows.Count) - data[prefix + "loss"].ToDouble()), 0, tolerance.Loss);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Adapted))]
    public void An_adapter_gives_the_reference_s_logits_and_gradients(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Shared("families", family);
        Tolerance tolerance = Tolerance.Read(folder);
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        GoldenTensors golden = new(Path.Combine(folder, "lora.safetensors"));
        using TaskModel model = GoldenTask.Load(folder);
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        using AttachedAdapter adapter = GoldenAdapter.Attach(model, run.RootElement.GetProperty("lora_config"), golden);
        using ReferenceStep step = new(model);
        foreach ((string prefix, string gradients) in new[] { ("", "grad."), ("masked.", "grad_masked.") })
        {
            Batch batch = Batch(model, data, prefix);
            using (no_grad())
            {
                Tensor hidden = model.Hidden(batch);
                Tensor logits = model.Head(model.Task == TaskKind.SequenceClassification ? hidden.select(1, 0) : hidden);
                Tensor kept = Kept(model, data, prefix, logits);
                Assert.InRange(Closeness.Largest(logits * kept, golden[prefix + "logits"] * kept), 0, tolerance.AdaptedLogits);
            }

            adapter.Arena.Gradients.zero_();
            SupervisedRows rows = SupervisedRows.Of(batch);
            double loss = step.AddGradients(batch, rows, 1.0 / rows.Count);
            Assert.InRange(Math.Abs(loss - golden[prefix + "loss"].ToDouble()), 0, tolerance.Loss);
            foreach (TrainableParameter parameter in adapter.Arena.Parameters)
            {
                Tensor expected = golden[gradients + parameter.Key];
                Assert.InRange(Closeness.Largest(parameter.Value.grad!, expected), 0, tolerance.Gradient * expected.abs().max().ToDouble());
            }
        }
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("config.v5.json")]
    public void T5_answers_as_the_reference_does(string config)
    {
        string folder = Repository.Shared("families", "t5");
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using SequenceToSequenceModel model = (SequenceToSequenceModel)GoldenTask.Load(folder, config);
        int[] prompt = [.. data["generate_prompt"].data<long>().ToArray().Select(id => (int)id)];
        int[] expected = [.. data["generate_out"].data<long>().ToArray().Skip(1).Select(id => (int)id)];

        int[] said = model.Answer(prompt, expected.Length, onToken: null, CancellationToken.None);

        Assert.Equal(expected.TakeWhile(id => id != 1), said);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("config.v5.json")]
    public void Vit_gives_the_reference_s_logits_and_gradients(string config)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Shared("families", "vit");
        Tolerance tolerance = Tolerance.Read(folder);
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        GoldenTensors golden = new(Path.Combine(folder, "lora.safetensors"));
        using TemporaryFolder copy = new();
        File.Copy(Path.Combine(folder, config), copy.File("config.json"));
        using TaskModel model = ModelLoader.Load(Vit.Read(copy.Path), folder, CPU, ScalarType.Float32);
        Tensor labels = data["labels"];
        using (no_grad())
        {
            HiddenStates states = new(model);
            Tensor logits = model.call(data["pixel_values"]);
            states.AssertEqual(data, tolerance.Logits);
            Assert.InRange(Closeness.Largest(logits, data["logits"]), 0, tolerance.Logits);
            Assert.InRange(Math.Abs(nn.functional.cross_entropy(logits, labels).ToDouble() - data["loss"].ToDouble()), 0, tolerance.Loss);
        }

        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        using AttachedAdapter adapter = GoldenAdapter.Attach(model, run.RootElement.GetProperty("lora_config"), golden);
        Tensor adapted = model.call(data["pixel_values"]);
        nn.functional.cross_entropy(adapted, labels).backward();

        Assert.InRange(Closeness.Largest(adapted, golden["logits"]), 0, tolerance.AdaptedLogits);
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            Tensor expected = golden["grad." + parameter.Key];
            Assert.InRange(Closeness.Largest(parameter.Value.grad!, expected), 0, tolerance.Gradient * expected.abs().max().ToDouble());
        }
    }

    private static Batch Batch(TaskModel model, GoldenTensors data, string prefix) => GoldenTask.Batch(
        data, prefix, model.Task == TaskKind.SequenceClassification ? LabelPlace.First : LabelPlace.Own, model.ModelType == "roberta" ? 1 : 0);

    /// <summary>1 where logits are compared: padded positions hold what nobody asks for.</summary>
    private static Tensor Kept(TaskModel model, GoldenTensors data, string prefix, Tensor logits) =>
        data.Names.Contains(prefix + "attention_mask") && model.Task is TaskKind.MaskedLM ? data[prefix + "attention_mask"].unsqueeze(-1) : ones_like(logits);

    /// <summary>What goes into the first block, and what each block gives; T5's last ones are those after the norm of the stack.</summary>
    private sealed class HiddenStates
    {
        private readonly Dictionary<string, List<Tensor>> states = [];

        public HiddenStates(TaskModel model)
        {
            foreach (EncoderBlock block in model.modules().OfType<EncoderBlock>())
            {
                block.register_forward_hook((_, input, _, output) =>
                {
                    List<Tensor> known = Of("hidden_states");
                    known.AddRange(known.Count == 0 ? [input, output] : [output]);
                    return output;
                });
            }

            foreach ((string name, Stack stack) in model.named_children().Where(child => child.module is Stack).Select(child => (child.name, (Stack)child.module)))
            {
                foreach (StackBlock block in stack.modules().OfType<StackBlock>())
                {
                    block.register_forward_hook((_, input, _, output) =>
                    {
                        Of($"{name}_hidden_states").Add(input);
                        return output;
                    });
                }

                stack.register_forward_hook((_, _, _, output) =>
                {
                    Of($"{name}_hidden_states").Add(output);
                    return output;
                });
            }
        }

        public void AssertEqual(GoldenTensors data, double tolerance)
        {
            // A run without states (bert_mlm_gamma_beta) holds the logits alone.
            string[] given = [.. data.Names.Where(name => name.Contains("hidden_states.", StringComparison.Ordinal))];
            Assert.Equal(given.Length, given.Length == 0 ? 0 : states.Sum(entry => entry.Value.Count));
            Assert.All(given, name =>
            {
                string[] parts = name.Split('.');
                Assert.InRange(Closeness.Largest(states[parts[0]][int.Parse(parts[1], CultureInfo.InvariantCulture)], data[name]), 0, tolerance);
            });
        }

        private List<Tensor> Of(string stack)
        {
            states.TryAdd(stack, []);
            return states[stack];
        }
    }

    private sealed record Tolerance(double Logits, double AdaptedLogits, double Loss, double Gradient)
    {
        public static Tolerance Read(string folder)
        {
            using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
            JsonElement tolerance = run.RootElement.GetProperty("suggested_tolerance");
            return new(Value("logits_abs"), Value("lora_logits_abs"), Value("loss_abs"), Value("grad_rel_to_tensor_max"));

            double Value(string name) => tolerance.GetProperty(name).GetDouble();
        }
    }
}
