using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public sealed class Gpt2Tests : IDisposable
{
    private const string Prefix = "transformer.";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_checkpoint_of_the_bare_body_with_the_masks_of_old_files_is_the_same_model()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        GoldenFamily golden = GoldenFamily.Open("gpt2");
        IEnumerable<TensorData> bare = SafetensorsFile.ReadAll(Path.Combine(golden.Folder, "model.safetensors")).Select(tensor => tensor with { Name = tensor.Name[Prefix.Length..] });
        TensorData[] masks = [.. Enumerable.Range(0, 3).SelectMany(layer => new TensorData[]
        {
            new($"h.{layer}.attn.bias", TensorDataType.U8, [1, 1, 4, 4], new byte[16]),
            new($"h.{layer}.attn.masked_bias", TensorDataType.F32, [], new byte[4]),
        })];
        SafetensorsWriter.Write(folder.File("model.safetensors"), [.. bare, .. masks]);
        File.Copy(Path.Combine(golden.Folder, "config.json"), folder.File("config.json"));

        using CausalLanguageModel model = ModelLoader.Load(folder.Path, CPU, ScalarType.Float32);

        Assert.InRange(Closeness.Largest(model.call(golden.Data["input_ids"]), golden.Data["logits"]), 0, golden.Tolerance.Logits);
        Assert.Null(UnusedTensors.Warning(folder.Path, model.Shape));
        Assert.Contains("transformer.h.0.attn.c_attn", ModuleTree.Read(folder.Path).Modules.Select(module => module.Name));
    }

    [Fact]
    public void More_tokens_than_it_has_learned_positions_for_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = GoldenFamily.Open("gpt2").Load();

        Assert.Equal([1, 40, 101], model.call(zeros([1, 40], dtype: ScalarType.Int64, device: CPU)).shape);
        LoraException exception = Assert.Throws<LoraException>(() => model.call(zeros([1, 41], dtype: ScalarType.Int64, device: CPU)));
        Assert.Equal(LoraError.ConfigValueInvalid, exception.Error);
        Assert.Contains("at most 40", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_continuation_ends_where_the_learned_positions_do()
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = GoldenFamily.Open("gpt2").Load();
        int[] prompt = [.. Enumerable.Range(1, 38)];

        Assert.Equal(3, GreedyDecoder.Continue(model, prompt, 100, endings: [], onToken: null, CancellationToken.None).Length); // after 38, 39 and 40 ids
        Assert.Throws<LoraException>(() => GreedyDecoder.Continue(model, [.. prompt, 4, 5, 6], 100, endings: [], onToken: null, CancellationToken.None));
    }

    [Fact]
    public void In_4_bits_logits_and_gradients_are_those_over_the_dequantised_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily golden = GoldenFamily.Open("gpt2");
        using CausalLanguageModel quantized = ModelLoader.Load(golden.Folder, CPU, ScalarType.Float32, LoraQuantization.NF4);
        using CausalLanguageModel plain = golden.Load();
        CopyValues(quantized, plain);
        using AttachedAdapter expected = golden.Attach(plain);
        using AttachedAdapter actual = golden.Attach(quantized);

        Assert.Equal(12, quantized.modules().OfType<QuantizedLinear>().Count(layer => layer.IsConv1D));
        Assert.InRange(Closeness.Largest(quantized.call(golden.Data["input_ids"]), plain.call(golden.Data["input_ids"])), 0, 1e-5);
        Tensor gradients = Gradients(new ReferenceStep(plain), expected, golden);
        Assert.InRange(Closeness.Relative(Gradients(new ReferenceStep(quantized), actual, golden), gradients), 0, 1e-5);
        Assert.InRange(Closeness.Relative(Gradients((FusedStep)StepEngines.Choose(quantized, actual.Layers).Engine, actual, golden), gradients), 0, 1e-5);
        Assert.Equal(quantized.WeightSize, WeightSize.Of(quantized.Shape, ScalarType.Float32, LoraQuantization.NF4).Held);
    }

    [Fact]
    public void Keys_may_have_the_usual_names_too()
    {
        string config = File.ReadAllText(Path.Combine(GoldenFamily.FolderOf("gpt2"), "config.json"));
        foreach ((string own, string usual) in new[] { ("n_embd", "hidden_size"), ("n_layer", "num_hidden_layers"), ("n_head", "num_attention_heads"), ("n_positions", "max_position_embeddings") })
        {
            config = config.Replace($"\"{own}\"", $"\"{usual}\"", StringComparison.Ordinal);
        }

        folder.Write("config.json", config);

        Assert.Equal(ModelConfigReader.Read(GoldenFamily.FolderOf("gpt2")).Blocks, ModelConfigReader.Read(folder.Path).Blocks);
    }

    [Theory]
    [InlineData("{}", 0.3535533906, 0.3535533906)]
    [InlineData("""{"scale_attn_weights": false}""", 1, 1)]
    [InlineData("""{"scale_attn_by_inverse_layer_idx": true}""", 0.3535533906, 0.1178511302)]
    public void Scores_are_scaled_as_its_keys_say(string keys, double first, double third)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(GoldenFamily.FolderOf("gpt2"), "config.json")))!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
        {
            config[key] = value!.DeepClone();
        }

        folder.Write("config.json", config.ToJsonString());
        double?[] scales = [.. ModelConfigReader.Read(folder.Path).Blocks.Select(block => ((PreNormShape)block).Attention.Scale)];

        Assert.Equal(first, scales[0]!.Value, Closeness.To(9));
        Assert.Equal(third, scales[2]!.Value, Closeness.To(9));
    }

    private static Tensor Gradients(IStepEngine engine, AttachedAdapter adapter, GoldenFamily golden)
    {
        using IStepEngine step = engine;
        adapter.Arena.Gradients.zero_();
        SupervisedRows rows = SupervisedRows.Of(golden.Batch(""));
        step.AddGradients(golden.Batch(""), rows, 1.0 / rows.Count);
        return adapter.Arena.Gradients;
    }

    private static void CopyValues(CausalLanguageModel quantized, CausalLanguageModel plain)
    {
        using IDisposable noGradient = no_grad();
        Dictionary<string, Parameter> parameters = plain.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        foreach ((string name, nn.Module module) in quantized.named_modules())
        {
            if (module is QuantizedLinear layer)
            {
                parameters[name + ".weight"].copy_(layer.Copy());
            }
        }
    }
}
