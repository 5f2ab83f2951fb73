using System.Text.Json;
using Lora.Adapters;
using Lora.Models;
using Lora.Native;
using Lora.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Adapters of every kind by vector code, held to the logits that PEFT ended its runs with and to those of the modules.</summary>
public class DecodingChangesTests
{
    private static readonly string[] Linear =
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    private static readonly Dictionary<string, LoraConfig> Kinds = new(StringComparer.Ordinal)
    {
        ["DoRA"] = new() { UseDora = true },
        ["DoRA from a start that is subtracted"] = new() { UseDora = true, Initialization = "pissa" },
        ["B with a bias"] = new() { UseLoraBias = true },
        ["biases of adapted layers"] = new() { Bias = LoraBias.LoraOnly },
        ["biases of all layers beside DoRA"] = new() { Bias = LoraBias.All, UseDora = true },
        ["rows of tokens"] = new() { TrainableToken = [new() { Index = 5 }, new() { Index = 9 }] },
        ["rows of tokens of both"] = new() { TrainableToken = [new() { Module = "embed_tokens", Index = 5 }, new() { Module = "lm_head", Index = 9 }] },
        ["an embedding and a head"] = new() { ModulesToSave = ["embed_tokens", "lm_head"] },
    };

    public static TheoryData<string> Names => [.. Kinds.Keys.Select(name => name)];

    [Theory]
    [InlineData("base")]
    [InlineData("bias")]
    [InlineData("dora")]
    [InlineData("embed")]
    [InlineData("ranks")]
    public void Logits_are_PEFT_s(string run)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Shared("golden", run);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        using CausalLanguageModel model = ModelLoader.Load(PeftAdapter.Model, CPU, ScalarType.Float32);
        using AttachedAdapter adapter = GoldenAdapter.Attach(model, document.RootElement.GetProperty("lora_config"), new(Path.Combine(folder, "adapter_final.safetensors")));
        using DecodingChanges changes = DecodingChanges.Of(adapter.Layers, model);
        using IDecoder decoder = DecoderChecks.Direct(model, changes.Direct!);
        (Tensor ids, Tensor logits) = PeftAdapter.End(run);
        int[] text = [.. ids[0].to(ScalarType.Int64).data<long>().Select(id => (int)id)];

        decoder.Read(text[..5]);
        for (int place = 4; place < Math.Min(text.Length, 16); place++)
        {
            DecoderChecks.AssertClose([.. logits[0, place].data<float>()], decoder.Logits(0));
            decoder.Step([text[Math.Min(place + 1, text.Length - 1)]]);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_kind_is_computed_as_by_the_modules(string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = GoldenFamily.Open("qwen2").Load(); // whose q, k and v have biases
        _ = model.Fused;
        LoraConfig config = Kinds[kind] with { Rank = 4 };
        AdapterTarget[] targets = [.. Enumerable.Range(0, 3).SelectMany(layer => Linear.Skip(layer).Select(name => new AdapterTarget($"model.layers.{layer}.{name}", 4, 2)))];
        using AttachedAdapter adapter = Changed(model, config, targets);

        Check(model, adapter);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_adapted_embedding_changes_the_head_too_where_they_stay_one(bool staysOne)
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = ModelLoader.Load(Path.Combine(Repository.Root, "examples", "model"), CPU, ScalarType.Float32);
        using AttachedAdapter adapter = Changed(model, new() { EnsureWeightTying = staysOne }, [new("model.embed_tokens", 4, 2)]);

        Assert.Equal(staysOne, adapter.Layers.Count > 1);
        Check(model, adapter);
    }

    [Fact]
    public void On_4_bits_DoRA_s_norms_are_those_of_the_values()
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = ModelLoader.Load(Path.Combine(Repository.Root, "examples", "model"), CPU, ScalarType.Float32, LoraQuantization.NF4);
        using AttachedAdapter adapter = Changed(model, new() { UseDora = true }, [.. Linear.Select(name => new AdapterTarget($"model.layers.1.{name}", 4, 2))]);

        Check(model, adapter);
    }

    [Fact]
    public void What_vector_code_does_not_compute_is_named()
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = GoldenFamily.Open("qwen2").Load();
        using AttachedAdapter saved = Changed(model, new() { ModulesToSave = ["model.norm"] }, [new("model.layers.0.mlp.up_proj", 4, 2)]);
        using AttachedAdapter other = Changed(model, new(), [new("model.layers.0.mlp.up_proj", 4, 2)]);
        using DecodingChanges norm = DecodingChanges.Of(saved.Layers, model), both = DecodingChanges.Of(other.Layers.Concat(saved.Layers.Where(layer => layer is LoraLayer)), model);

        Assert.Equal(("'model.norm' is trained whole", null), (norm.Reason, norm.Direct));
        Assert.Equal(("several adapters change 'model.layers.0.mlp.up_proj'", null), (both.Reason, both.Direct));
    }

    private static void Check(CausalLanguageModel model, AttachedAdapter adapter)
    {
        using DecodingChanges changes = DecodingChanges.Of(adapter.Layers, model);
        Assert.Null(changes.Reason);
        using IDecoder direct = DecoderChecks.Direct(model, changes.Direct!), bare = DecoderChecks.Direct(model, DirectChanges.None);
        using ModuleDecoder modules = new(model);
        foreach (IDecoder decoder in new[] { direct, modules, bare })
        {
            decoder.Read([5, 6, 9, 8]);
            decoder.Read([9, 10]);
        }

        for (int step = 0; step < 3; step++)
        {
            for (int row = 0; row < 2; row++)
            {
                DecoderChecks.AssertClose(modules.Logits(row), direct.Logits(row));
                Assert.InRange(DecoderChecks.Distance(modules.Logits(row), bare.Logits(row)), 1e-3, double.MaxValue); // the adapter does change them
            }

            Array.ForEach([direct, modules, bare], decoder => decoder.Step([9 - step, 20 + step]));
        }
    }

    private static AttachedAdapter Changed(CausalLanguageModel model, LoraConfig config, AdapterTarget[] targets)
    {
        AttachedAdapter adapter = new(model, config, targets, CPU, seed: 1);
        using IDisposable noGradient = no_grad();
        using Generator generator = new(3, CPU);
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            parameter.Value.Add(randn(parameter.Value.shape, generator: generator).Times(0.05));
        }

        return adapter;
    }
}
