using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Families without a reference run, held against one of another family that they become where their peculiarities are switched off or undone.</summary>
public sealed class FamilyFactTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    /// <summary>As in transformers, whose classes for them read neither.</summary>
    [Theory]
    [InlineData("families/gpt2")]
    [InlineData("families/gpt_neox")]
    [InlineData("families/opt")]
    [InlineData("configs/bloom")]
    [InlineData("configs/falcon")]
    [InlineData("configs/falcon_rw")]
    [InlineData("configs/gpt_neo")]
    [InlineData("configs/gpt_neox_serial")]
    [InlineData("configs/gptj")]
    [InlineData("configs/opt_350m")]
    public void Keys_of_heads_mean_nothing_in_families_that_have_them_not(string config)
    {
        JsonObject keys = JsonNode.Parse(File.ReadAllText(Repository.Fixture([.. config.Split('/'), "config.json"])))!.AsObject();
        IReadOnlyList<BlockShape> expected = Blocks();
        keys["num_key_value_heads"] = 1;
        keys["head_dim"] = 2;
        Assert.Equal(expected, Blocks());

        IReadOnlyList<BlockShape> Blocks()
        {
            File.WriteAllText(files.File("config.json"), keys.ToJsonString());
            return ((ModelShape)ModelConfigReader.Read(files.Path)).Blocks;
        }
    }

    [Fact]
    public void SmolLM3_with_a_rotation_in_every_block_is_Llama()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily llama = GoldenFamily.Open("llama_linear");

        Assert.InRange(Closeness.Largest(Logits(llama, config =>
        {
            config["model_type"] = "smollm3";
            config["no_rope_layers"] = new JsonArray(1, 1, 1);
        }), llama.Data["logits"]), 0, llama.Tolerance.Logits);
    }

    [Fact]
    public void SmolLM3_without_any_is_Llama_whose_rotation_stands_still()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily llama = GoldenFamily.Open("llama_linear");
        Tensor still = Logits(llama, config => config["rope_scaling"]!["factor"] = 1e30);

        Assert.InRange(Closeness.Largest(Logits(llama, config =>
        {
            config["model_type"] = "smollm3";
            config["no_rope_layers"] = new JsonArray(0, 0, 0);
        }), still), 0, llama.Tolerance.Logits);
        Assert.True(Closeness.Largest(still, llama.Data["logits"]) > 1e-2);
    }

    [Fact]
    public void Granite_is_Llama_with_its_multipliers_in_the_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily llama = GoldenFamily.Open("llama_linear");
        JsonObject sizes = Config(llama);
        double headSize = (double?)sizes["head_dim"] ?? ((double)sizes["hidden_size"]! / (double)sizes["num_attention_heads"]!);
        Dictionary<string, double> factors = new()
        {
            ["embed_tokens"] = 1 / 6.0,
            ["q_proj"] = 1 / (0.2 * Math.Sqrt(headSize)),
            ["o_proj"] = 1 / 0.4,
            ["down_proj"] = 1 / 0.4,
            ["lm_head"] = 8,
        };

        Tensor logits = Logits(llama, config =>
        {
            config["model_type"] = "granite";
            config["embedding_multiplier"] = 6.0;
            config["attention_multiplier"] = 0.2;
            config["residual_multiplier"] = 0.4;
            config["logits_scaling"] = 8.0;
        }, name => factors.GetValueOrDefault(name.Split('.')[^2], 1));

        Assert.InRange(Closeness.Largest(logits, llama.Data["logits"]), 0, llama.Tolerance.Logits);
    }

    [Fact]
    public void OLMo_2_adds_what_its_norms_make_of_attention_and_MLP()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        FamilyCase given = FamilyCase.Open("olmo2", files);
        using CausalLanguageModel model = ModelLoader.Load(given.Folder, CPU, ScalarType.Float32);
        Dictionary<string, nn.Module> modules = model.named_modules().ToDictionary(entry => entry.name, entry => entry.module);
        Dictionary<string, Tensor> weights = model.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);
        Dictionary<string, (Tensor Input, Tensor Output)> seen = [];
        foreach (string name in new[] { "", ".self_attn", ".mlp" })
        {
            ((nn.Module<Tensor, BlockContext, Tensor>)modules["model.layers.1" + name]).register_forward_hook((_, input, _, output) =>
            {
                seen[name] = (input.clone(), output.clone());
                return output;
            });
        }

        foreach (string name in new[] { "q_proj", "q_norm", "k_norm" })
        {
            ((nn.Module<Tensor, Tensor>)modules["model.layers.1.self_attn." + name]).register_forward_hook((_, input, output) =>
            {
                seen[name] = (input.clone(), output.clone());
                return output;
            });
        }

        model.call(given.Ids);

        Tensor middle = seen[""].Input.Plus(Normal(seen[".self_attn"].Output, weights["model.layers.1.post_attention_layernorm.weight"]));
        Tensor expected = middle.Plus(Normal(seen[".mlp"].Output, weights["model.layers.1.post_feedforward_layernorm.weight"]));
        Assert.InRange(Closeness.Largest(seen[".self_attn"].Input, seen[""].Input), 0, 0);
        Assert.InRange(Closeness.Relative(seen[".mlp"].Input, middle), 0, 1e-6);
        Assert.InRange(Closeness.Relative(seen[""].Output, expected), 0, 1e-6);

        // Over all heads at once, before they are taken apart.
        Assert.InRange(Closeness.Largest(seen["q_norm"].Input, seen["q_proj"].Output), 0, 0);
        Assert.Equal([24], seen["k_norm"].Input.shape[2..]);
    }

    [Fact]
    public void Gemma_3_is_Gemma_2_without_caps_with_norms_of_heads_and_two_rotations()
    {
        const string Sizes = "\"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 8, \"num_hidden_layers\": 2, \"intermediate_size\": 8";
        const string Windows = "\"sliding_window\": 16, \"layer_types\": [\"sliding_attention\", \"full_attention\"]";
        ModelShape gemma2 = Shape($$"""{"model_type": "gemma2", {{Sizes}}, {{Windows}}, "attn_logit_softcapping": null, "final_logit_softcapping": null}""");
        ModelShape gemma3 = Shape($$"""{"model_type": "gemma3_text", {{Sizes}}, {{Windows}}}""");
        NormShape norm = new("q_norm", 256, 1e-6) { Kind = NormKind.RootMeanSquareAddOne };

        Assert.Equal(
            gemma2.Blocks.Cast<FourNormShape>().Select((block, layer) => block with
            {
                Attention = block.Attention with { QueryNorm = norm, KeyNorm = norm with { Name = "k_norm" }, Rope = new(layer == 0 ? 1e4 : 1e6) },
            }),
            gemma3.Blocks);
        Assert.Equal((gemma2.Embedding, gemma2.Head, gemma2.FinalNorm), (gemma3.Embedding, gemma3.Head, gemma3.FinalNorm));
    }

    private ModelShape Shape(string config)
    {
        files.Write("config.json", config);
        return ModelConfigReader.Read(files.Path);
    }

    private static Tensor Normal(Tensor values, Tensor weight) => values * (values * values).mean([-1], keepdim: true).Plus(1e-5).rsqrt() * weight;

    private static JsonObject Config(GoldenFamily family) => JsonNode.Parse(File.ReadAllText(Path.Combine(family.Folder, "config.json")))!.AsObject();

    /// <summary>The logits of a reference run's model after a change.</summary>
    /// <param name="family">The run.</param>
    /// <param name="change">Of its config.json.</param>
    /// <param name="factor">What a tensor is multiplied by; null for nothing.</param>
    private Tensor Logits(GoldenFamily family, Action<JsonObject> change, Func<string, double>? factor = null)
    {
        using IDisposable noGradient = no_grad();
        string folder = Directory.CreateDirectory(files.File(Guid.NewGuid().ToString())).FullName;
        JsonObject config = Config(family);
        change(config);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        IEnumerable<TensorData> tensors = SafetensorsFile.ReadAll(Path.Combine(family.Folder, "model.safetensors"))
            .Select(tensor => AdapterTensors.Copy(tensor.Name, AdapterTensors.Read(tensor).Times(factor?.Invoke(tensor.Name) ?? 1)));
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. tensors]);
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        return model.call(family.Data["input_ids"]);
    }
}
