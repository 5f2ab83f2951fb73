using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Export;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using Parameter = TorchSharp.Modules.Parameter;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Adapters of experts that are stacked in parameters, on whole models.</summary>
public sealed class StackedMixtureTests : IDisposable
{
    private const int Steps = 30;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Qwen3_s_mixtures_in_the_stacks_of_transformers_5_give_PEFT_s_logits_and_gradients()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Shared("golden2", "target_parameters", "model_qwen3moe");
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        JsonElement tolerance = run.RootElement.GetProperty("suggested_tolerance");
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using CausalLanguageModel model = new(Stacked(ModelConfigReader.Read(Repository.Fixture("families", "qwen3_moe"))), new StackedWeights(), CPU);
        using AttachedLora attached = LoraModules.Load(model, AdapterFolder.Load(folder));

        using (no_grad())
        {
            Assert.InRange(Closeness.Largest(model.call(data["input_ids"]), data["logits"]), 0, tolerance.GetProperty("logits_abs").GetDouble());
        }

        Batch batch = GoldenBatch.Of(data["input_ids"], data["input_ids"]);
        SupervisedRows rows = SupervisedRows.Of(batch);
        using ReferenceStep step = new(model);
        double loss = step.AddGradients(batch, rows, 1.0 / rows.Count);
        attached.GatherGradients();

        Assert.Equal(run.RootElement.GetProperty("loss").GetDouble(), loss, tolerance.GetProperty("loss_abs").GetDouble());
        foreach ((Parameter parameter, TensorData tensor) in attached.Parameters.Zip(attached.ToAdapter().Tensors))
        {
            Tensor expected = data["grad/" + tensor.Name];
            Assert.InRange(Closeness.Largest(parameter.grad!, expected), 0, tolerance.GetProperty("grad_rel_to_tensor_max").GetDouble() * expected.abs().max().ToDouble());
        }
    }

    [Fact]
    public void The_loss_of_gpt_oss_falls_and_what_is_exported_and_merged_is_the_adapted_model()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraConfig config = new() { Rank = 4, Alpha = 8, TargetModule = ["v_proj"], TargetParameter = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] };
        FamilyCase given = FamilyCase.Open("gpt_oss", files);
        using CausalLanguageModel model = ModelLoader.Load(given.Folder, CPU, ScalarType.Float32);
        using AttachedAdapter adapter = new(model, config, ModelTargets.ForAdapter(ModelTargets.Resolve(config, given.Folder, allowUnmatched: false)), CPU, seed: 5);
        (IStepEngine engine, string? whyAutograd) = StepEngines.Choose(model, adapter.Layers);
        using IStepEngine owned = engine;
        Assert.Equal("there is no fused step for models of type 'gpt_oss'", whyAutograd);

        double[] losses = Train(adapter, given.Batch, engine);
        using IDisposable noGradient = no_grad();
        Tensor adapted = model.call(given.Ids); // [batch, tokens, vocabulary]
        AdapterFolder.Save(AdapterTensors.Snapshot(adapter, config), files.File("adapter"));
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(AdapterFolder.Load(files.File("adapter")), given.Folder, files.File("merged")).Verification.Outcome);
        using CausalLanguageModel merged = ModelLoader.Load(files.File("merged"), CPU, ScalarType.Float32);

        Assert.True(losses[^1] < 0.7 * losses[0], $"{losses[0]} became {losses[^1]}");
        Assert.InRange(Closeness.Relative(merged.call(given.Ids), adapted), 0, 1e-5);
    }

    /// <summary>As released files have it: two 4-bit floats a byte, [experts, out, in / 32, 16], with an exponent for each 32 (OCP Microscaling Formats 1.0).</summary>
    [Fact]
    public void Gpt_oss_with_experts_in_MXFP4_is_the_model_of_their_values()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        JsonObject config = JsonNode.Parse(File.ReadAllText(Repository.Fixture("families", "gpt_oss", "config.json")))!.AsObject();
        config["hidden_size"] = 64;
        config["intermediate_size"] = 32;
        FamilyCase given = FamilyCase.Random(config.ToJsonString(), files);
        Random random = new(7);
        List<TensorData> plain = [], packed = [];
        foreach (TensorData tensor in SafetensorsFile.ReadAll(Path.Combine(given.Folder, "model.safetensors")))
        {
            if (tensor.Shape is not [long experts, long inputs, long outputs])
            {
                plain.Add(tensor);
                packed.Add(tensor);
                continue;
            }

            byte[] blocks = new byte[experts * outputs * inputs / 2];
            random.NextBytes(blocks);
            byte[] scales = [.. Enumerable.Range(0, (int)(experts * outputs * inputs / 32)).Select(_ => (byte)random.Next(122, 126))];
            packed.Add(new(tensor.Name + "_blocks", TensorDataType.U8, [experts, outputs, inputs / 32, 16], blocks));
            packed.Add(new(tensor.Name + "_scales", TensorDataType.U8, [experts, outputs, inputs / 32], scales));
            float[] values = [.. blocks.SelectMany(pair => new[] { pair & 15, pair >> 4 }).Select((code, index) => Float4(code) * MathF.Pow(2, scales[index / 32] - 127))];
            plain.Add(AdapterTensors.Copy(tensor.Name, torch.tensor(values, [experts, outputs, inputs]).transpose(1, 2).contiguous()));
        }

        using CausalLanguageModel expected = Load("plain", plain);
        config["quantization_config"] = new JsonObject { ["quant_method"] = "mxfp4" };
        using CausalLanguageModel actual = Load("packed", packed);
        Assert.InRange(Closeness.Relative(actual.call(given.Ids), expected.call(given.Ids)), 0, 1e-6);

        CausalLanguageModel Load(string name, IReadOnlyList<TensorData> tensors)
        {
            string folder = Directory.CreateDirectory(files.File(name)).FullName;
            File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
            return ModelLoader.Load(folder, CPU, ScalarType.Float32);
        }

        static float Float4(int code) => new[] { 0, 0.5f, 1, 1.5f, 2, 3, 4, 6 }[code & 7] * (code < 8 ? 1 : -1);
    }

    private static double[] Train(AttachedAdapter adapter, Batch batch, IStepEngine engine)
    {
        SupervisedRows rows = SupervisedRows.Of(batch);
        using AdamW optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0);
        double[] losses = new double[Steps];
        for (int step = 0; step < Steps; step++)
        {
            adapter.Arena.Gradients.zero_();
            losses[step] = engine.AddGradients(batch, rows, 1.0 / rows.Count);
            adapter.GatherGradients();
            optimizer.Step(1e-2);
        }

        return losses;
    }

    /// <summary>The model with its experts in stacks.</summary>
    private static ModelShape Stacked(ModelShape shape) => shape with { Blocks = [.. shape.Blocks.Select(Stacked)] };

    private static BlockShape Stacked(BlockShape block)
    {
        PreNormShape shape = Assert.IsType<PreNormShape>(block);
        MixtureShape mixture = Assert.IsType<MixtureShape>(shape.Mlp);
        SeparateExpertsShape experts = Assert.IsType<SeparateExpertsShape>(mixture.Experts);
        return shape with { Mlp = mixture with { Experts = new StackedExpertsShape(experts.Count, experts.Expert.HiddenSize, experts.Expert.IntermediateSize) } };
    }

    /// <summary>The weights of the reference run, whose file has each expert's matrices by themselves.</summary>
    private sealed class StackedWeights : IWeightSource
    {
        private readonly GoldenTensors weights = new(Repository.Fixture("families", "qwen3_moe", "model.safetensors"));

        public bool Has(string name) => weights.Names.Contains(name);

        public Tensor Take(string name, params ReadOnlySpan<long> shape)
        {
            int last = name.LastIndexOf('.');
            return Has(name) ? weights[name] : ExpertStacks.Of(name[(last + 1)..], (int)shape[0], layer => weights[$"{name[..last]}.{layer}"]);
        }
    }
}
