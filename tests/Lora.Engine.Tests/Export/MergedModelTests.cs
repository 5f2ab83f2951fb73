using System.Text.Json;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>A merged model that is loaded again computes what the base model computes with the adapter on it.</summary>
public sealed class MergedModelTests : IDisposable
{
    private const double Tolerance = 1e-5;
    private static readonly string[] Projections = ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"];

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("plain", "llama3")]
    [InlineData("plain", "mistral")]
    [InlineData("plain", "qwen2_sharded")]
    [InlineData("rslora", "qwen3")]
    [InlineData("dora", "llama3")]
    [InlineData("lora_bias", "llama3")]
    [InlineData("bias", "llama3")]
    [InlineData("bias", "qwen2_sharded")]
    [InlineData("lora_only bias", "llama3")]
    [InlineData("embedding", "llama3")]
    [InlineData("embedding dora", "llama3")]
    [InlineData("head", "llama3")]
    [InlineData("saved", "llama3")]
    [InlineData("ranks", "llama3")]
    [InlineData("pissa", "llama3")]
    [InlineData("olora dora", "llama3")]
    [InlineData("plain", "llama_tied_headdim")]
    [InlineData("dora", "gemma")]
    public void It_gives_the_logits_of_the_adapted_model(string variant, string family)
    {
        using DisposeScope scope = NewDisposeScope();
        string model = Repository.Fixture("families", family);
        Tensor ids = new GoldenTensors(Path.Combine(model, "data.safetensors"))["input_ids"];
        (LoraAdapter adapter, Tensor adapted) = TrainedAdapter.On(model, Variant(variant), ids);

        LoraExportVerification verification = ModelMerge.Write(adapter, model, files.File("merged")).Verification;

        Assert.True(Closeness.Relative(adapted, TrainedAdapter.Logits(model, ids)) > 1e-2);
        Assert.InRange(Closeness.Relative(TrainedAdapter.Logits(files.File("merged"), ids), adapted), 0, Tolerance);
        Assert.Equal((LoraExportOutcome.Proven, 1.0), (verification.Outcome, verification.TopAgreement));
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("mistral")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("phi3")]
    [InlineData("gemma")]
    [InlineData("gemma2")]
    public void It_gives_the_logits_that_PEFT_computed(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        string model = Repository.Fixture("families", family);
        GoldenTensors golden = new(Path.Combine(model, "lora.safetensors"));
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(model, "run.json")));
        LoraAdapter adapter = new()
        {
            Config = GoldenAdapter.ConfigOf(run.RootElement.GetProperty("lora_config"), golden),
            Tensors = [.. golden.Names.Where(name => name.StartsWith(PeftKey.Prefix, StringComparison.Ordinal)).Select(name => AdapterTensors.Copy(name, golden[name]))],
        };

        ModelMerge.Write(adapter, model, files.File("merged"));

        Tensor ids = new GoldenTensors(Path.Combine(model, "data.safetensors"))["input_ids"];
        double tolerance = run.RootElement.GetProperty("suggested_tolerance").GetProperty("lora_logits_abs").GetDouble();
        Assert.InRange(Closeness.Largest(TrainedAdapter.Logits(files.File("merged"), ids), golden["logits"]), 0, tolerance);
    }

    [Theory]
    [InlineData("seq_single_label")]
    [InlineData("seq_multi_label")]
    [InlineData("seq_pooler_saved")]
    [InlineData("tok_ignore_index")]
    public void A_classifier_that_PEFT_trained_gets_its_head_and_the_sums(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Shared("golden2", "classification", name);
        LoraAdapter adapter = AdapterFolder.Load(folder);
        GoldenTensors parts = new(Path.Combine(folder, "adapter_model.safetensors"));
        GoldenTensors before = new(Path.Combine(folder, "model.safetensors"));

        Directory.CreateDirectory(files.File("model"));
        File.Copy(Path.Combine(folder, "config.json"), files.File("model/config.json"));
        File.Copy(Path.Combine(folder, "model.safetensors"), files.File("model/model.safetensors"));
        ModelMerge.Write(adapter, files.File("model"), files.File("merged"));

        GoldenTensors after = new(files.File("merged/model.safetensors"));
        double scaling = adapter.Config.Alpha / (adapter.Config.UseRsLora ? Math.Sqrt(adapter.Config.Rank) : adapter.Config.Rank);
        foreach (string tensor in before.Names)
        {
            string key = PeftKey.Prefix + tensor;
            string module = key[..^".weight".Length];
            Tensor expected = parts.Names.Contains(key) ? parts[key]
                : parts.Names.Contains(module + ".lora_A.weight") ? before[tensor].Plus(parts[module + ".lora_B.weight"].mm(parts[module + ".lora_A.weight"]).Times(scaling))
                : before[tensor];
            Assert.InRange(Closeness.Largest(after[tensor], expected), 0, 1e-6); // one rounding of float32
        }
    }

    [Fact]
    public void A_bfloat16_model_gets_the_exact_sums_rounded_once_and_keeps_every_other_byte()
    {
        using DisposeScope scope = NewDisposeScope();
        string model = Repository.Fixture("families", "qwen2_bf16");
        Tensor ids = new GoldenTensors(Path.Combine(model, "data.safetensors"))["input_ids"];
        (LoraAdapter adapter, _) = TrainedAdapter.On(model, Variant("plain"), ids);

        ModelMerge.Write(adapter, model, files.File("merged"));

        using Checkpoint before = Checkpoint.Open(model);
        using Checkpoint after = Checkpoint.Open(files.File("merged"));
        IReadOnlyDictionary<string, FactorPair> factors = FactorPair.Of(adapter);
        Assert.NotEmpty(factors);
        foreach (TensorInfo tensor in before.Tensors)
        {
            TensorData stored = SafetensorsFile.ReadAll(tensor.File).Single(data => data.Name == tensor.Name);
            Assert.True(after.TryFind(tensor.Name, out TensorInfo? merged));
            byte[] bytes = new byte[merged.Length];
            after.Read(merged, bytes);
            byte[] expected = factors.TryGetValue(tensor.Name[..^".weight".Length], out FactorPair? pair)
                ? Exact(stored, pair).to(ScalarType.Float32).to(ScalarType.BFloat16).bytes.ToArray()
                : stored.Bytes.ToArray();
            Assert.Equal(expected, bytes);
        }

        static Tensor Exact(TensorData stored, FactorPair pair) => AdapterTensors.Read(stored).to(ScalarType.Float64)
            .Plus(AdapterTensors.Read(pair.Up).to(ScalarType.Float64).mm(AdapterTensors.Read(pair.Down).to(ScalarType.Float64)).Times(pair.Scaling));
    }

    private static LoraConfig Variant(string name) => new()
    {
        Rank = 4,
        Alpha = 8,
        TargetModule = name switch
        {
            _ when name.StartsWith("embedding", StringComparison.Ordinal) => ["embed_tokens", "q_proj"],
            "head" => ["lm_head"],
            _ => Projections,
        },
        UseRsLora = name == "rslora",
        UseDora = name.EndsWith("dora", StringComparison.Ordinal),
        UseLoraBias = name == "lora_bias",
        Bias = name switch { "bias" => LoraBias.All, "lora_only bias" => LoraBias.LoraOnly, _ => LoraBias.None },
        ModulesToSave = name == "saved" ? ["lm_head", "norm"] : null,
        RankPattern = name == "ranks" ? [new() { Pattern = "q_proj", Value = 2 }] : null,
        AlphaPattern = name == "ranks" ? [new() { Pattern = "down_proj", Value = 1 }] : null,
        Initialization = name.Split(' ')[0] is "pissa" or "olora" ? name.Split(' ')[0] : "true",
    };
}
