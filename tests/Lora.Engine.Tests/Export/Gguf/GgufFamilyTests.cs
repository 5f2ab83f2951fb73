using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>Each family's model in llama.cpp: as it is, with the reference run's adapter beside it, and with the adapter in its weights.</summary>
public sealed class GgufFamilyTests : IDisposable
{
    private const double Tolerance = 1e-4;

    // llama.cpp's GELU on a CPU is a table of half-precision numbers (GGML_GELU_FP16), of the tanh form. All else is held closer, by MLPs that hardly add anything.
    private const double TableOfGelu = 5e-3;

    private const string LongRope = """
        {"sliding_window": null, "original_max_position_embeddings": 16,
        "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [1.5, 2.0, 3.0, 4.0]}}
        """;

    private readonly TemporaryFolder files = new();

    /// <summary>Those that llama.cpp knows, with the largest difference of a logit.</summary>
    public static TheoryData<string, double> Families { get; } = new()
    {
        { "gemma", TableOfGelu },
        { "gemma2", TableOfGelu },
        { "gpt2", TableOfGelu },
        { "gpt_neox", TableOfGelu },
        { "llama3", Tolerance },
        { "llama_linear", Tolerance },
        { "llama_tied_headdim", Tolerance },
        { "mistral", Tolerance },
        { "phi3", Tolerance },
        { "qwen2", Tolerance },
        { "qwen3", Tolerance },
        { "qwen3_moe", Tolerance },
    };

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void Llama_cpp_computes_what_the_engine_computes(string family, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        GoldenFamily golden = GoldenFamily.Open(family);
        string model = WithoutWindow(golden.Folder);
        LoraAdapter adapter = AdapterFolder.Load(Path.Combine(golden.Folder, "adapter"));
        string whole = files.File("base.gguf"), beside = files.File("adapter.gguf"), merged = files.File("merged.gguf");

        GgufModel.WriteWithTokens(null, model, whole, LoraTensorType.F32, NoVocabulary);
        GgufAdapter.Save(adapter, model, beside, LoraTensorType.F32);
        GgufModel.WriteWithTokens(adapter, model, merged, LoraTensorType.F32, NoVocabulary);

        Tensor ids = golden.Data["input_ids"];
        using CausalLanguageModel loaded = ModelLoader.Load(model, CPU, ScalarType.Float32);
        AssertSame(loaded.call(ids), ids, whole, null, tolerance);
        using AttachedLora attached = LoraModules.Load(loaded, adapter);
        Tensor adapted = loaded.call(ids); // [rows, tokens, vocabulary]
        AssertSame(adapted, ids, whole, beside, tolerance);
        AssertSame(adapted, ids, merged, null, tolerance);
        AssertQuietSame(model, ids, tolerance);
    }

    /// <summary>By a configuration alone, with what is unusual in it made as llama.cpp has it.</summary>
    [Theory]
    [InlineData("gemma3_text", """{"sliding_window_pattern": 6, "num_hidden_layers": 7, "rope_local_base_freq": 10000.0}""", 4 * TableOfGelu)]
    [InlineData("granite", "{}", Tolerance)]
    [InlineData("llama_yarn", """{"rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 8}}""", Tolerance)]
    [InlineData("mixtral", """{"sliding_window": null}""", Tolerance)]
    [InlineData("phi3", LongRope, Tolerance)]
    [InlineData("smollm3", """{"no_rope_layers": null, "num_hidden_layers": 5}""", Tolerance)]
    public void Families_without_a_reference_run_are_computed_alike_too(string family, string changes, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        JsonObject config = JsonNode.Parse(File.ReadAllText(Repository.Fixture("families", family, "config.json")))!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(changes)!.AsObject())
        {
            config[key] = value?.DeepClone();
        }

        FamilyCase given = FamilyCase.Random(config.ToJsonString(), files);
        string whole = files.File("base.gguf");
        GgufModel.WriteWithTokens(null, given.Folder, whole, LoraTensorType.F32, NoVocabulary);

        using CausalLanguageModel loaded = ModelLoader.Load(given.Folder, CPU, ScalarType.Float32);
        AssertSame(loaded.call(given.Ids), given.Ids, whole, null, tolerance);
        AssertQuietSame(given.Folder, given.Ids, tolerance);
    }

    [Theory]
    [InlineData("opt", "models of type 'opt' are not written")]
    [InlineData("llama_dynamic", "rope_scaling dynamic")]
    [InlineData("llama_yarn", "YaRN has other bounds")]
    [InlineData("gemma3_text", "the order of its blocks")]
    [InlineData("smollm3", "the order of its blocks")]
    public void What_llama_cpp_does_not_compute_is_refused_by_name(string family, string reason)
    {
        FamilyCase given = FamilyCase.Open(family, files);
        LoraException exception = Assert.Throws<LoraException>(() => GgufModel.WriteWithTokens(null, given.Folder, files.File("x.gguf"), LoraTensorType.F32, NoVocabulary));
        Assert.Equal(LoraError.GgufRefused, exception.Error);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(files.File("x.gguf")));
    }

    [Theory]
    [InlineData("granite")]
    [InlineData("llama3")]
    public void Heads_of_which_a_part_is_rotated_are_refused_where_rows_are_put_in_pairs(string family)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Repository.Fixture("families", family, "config.json")))!.AsObject();
        config["partial_rotary_factor"] = 0.5;
        string folder = FamilyCase.Random(config.ToJsonString(), files).Folder;
        LoraException exception = Assert.Throws<LoraException>(() => GgufModel.WriteWithTokens(null, folder, files.File("x.gguf"), LoraTensorType.F32, NoVocabulary));
        Assert.Contains("a part of each head is rotated", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mistral")]
    [InlineData("phi3")]
    public void A_window_that_llama_cpp_does_not_have_is_said(string family)
    {
        List<string> said = [];
        GgufModel.WriteWithTokens(null, GoldenFamily.FolderOf(family), files.File("x.gguf"), LoraTensorType.F32, NoVocabulary, new() { Warn = said.Add });
        Assert.Contains("lets those of", Assert.Single(said), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert_seqcls", true)]
    [InlineData("gpt_neox", true)]
    [InlineData("gpt2", false)]
    [InlineData("gemma", false)]
    public void GELU_by_the_error_function_which_llama_cpp_does_not_have_is_said(string family, bool isExact)
    {
        List<string> said = [];
        GgufModel.WriteWithTokens(null, GoldenFamily.FolderOf(family), files.File("x.gguf"), LoraTensorType.F32, NoVocabulary, new() { Warn = said.Add });
        Assert.Equal(isExact, said.Exists(note => note.Contains("by the error function", StringComparison.Ordinal)));
    }

    /// <summary>The metadata of a model whose tokens have no texts.</summary>
    internal static GgufVocabulary NoVocabulary(string folder, int rows, IReadOnlyList<string> newTokens, string? template) =>
        new([new("tokenizer.ggml.model", GgufValue.Of("none"))], []);

    private static void AssertSame(Tensor expected, Tensor ids, string model, string? adapter, double tolerance)
    {
        using LlamaClient client = LlamaClient.Open(model, adapter);
        for (int row = 0; row < ids.shape[0]; row++)
        {
            float[][] logits = client.Logits([.. ids[row].data<long>().Select(id => (int)id)]);
            Tensor given = stack([.. logits.Select(values => tensor(values))]); // [tokens, vocabulary]
            Assert.InRange(Closeness.Largest(given, expected[row]), 0, tolerance);
            if (tolerance == Tolerance)
            {
                Assert.Equal(expected[row].argmax(-1).data<long>().ToArray(), given.argmax(-1).data<long>().ToArray());
            }
            else
            {
                // The likeliest token, or one that is as likely within the tolerance.
                Tensor chosen = expected[row].gather(-1, given.argmax(-1, keepdim: true)).squeeze(-1);
                Assert.InRange((expected[row].amax(-1) - chosen).max().ToDouble(), 0, 2 * tolerance);
            }
        }
    }

    /// <summary>Holds all but the MLPs to <see cref="Tolerance"/> where these are computed by a table.</summary>
    private void AssertQuietSame(string model, Tensor ids, double tolerance)
    {
        if (tolerance == Tolerance)
        {
            return;
        }

        string quiet = QuietMlps.Write(model, files), whole = files.File("quiet.gguf");
        GgufModel.WriteWithTokens(null, quiet, whole, LoraTensorType.F32, NoVocabulary);
        using CausalLanguageModel loaded = ModelLoader.Load(quiet, CPU, ScalarType.Float32);
        AssertSame(loaded.call(ids), ids, whole, null, Tolerance);
    }

    /// <summary>The model without a window of attention where llama.cpp knows none for its family; else the model itself.</summary>
    private string WithoutWindow(string folder)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        if ((string?)config["model_type"] is not ("mistral" or "phi3"))
        {
            return folder;
        }

        config["sliding_window"] = null;
        string copy = Directory.CreateDirectory(files.File("model")).FullName;
        File.WriteAllText(Path.Combine(copy, "config.json"), config.ToJsonString());
        File.Copy(Path.Combine(folder, "model.safetensors"), Path.Combine(copy, "model.safetensors"));
        return copy;
    }
}
