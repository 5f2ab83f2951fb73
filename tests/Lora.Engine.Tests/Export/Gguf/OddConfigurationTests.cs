using System.Text.Json.Nodes;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tests.Models;

namespace Lora.Tests.Export;

/// <summary>Configurations with a key that their family does not have, or that says something else than the weights: what is exported is written, or refused by name.</summary>
public sealed class OddConfigurationTests : IDisposable
{
    /// <summary>Keys as files of other families, of other versions and of users' hands have them.</summary>
    private static readonly string[] Odd =
    [
        """{"num_key_value_heads": 2}""",
        """{"num_key_value_heads": 3}""",
        """{"num_attention_heads": 6, "num_key_value_heads": 3}""",
        """{"head_dim": 6}""",
        """{"head_dim": 7}""",
        """{"layer_types": ["full_attention"]}""",
        """{"partial_rotary_factor": 0.5}""",
        """{"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [2.0]}}""",
        """{"tie_word_embeddings": false}""",
        """{"num_experts": 2, "num_local_experts": 8}""",
        """{"num_hidden_layers": 1, "vocab_size": 90}""",
        """{"attn_logit_softcapping": null, "final_logit_softcapping": 5.0}""",
    ];

    private readonly TemporaryFolder files = new();

    /// <summary>One or two of each architecture that is written, and one of none.</summary>
    public static TheoryData<string> Families { get; } =
    [
        "bert_seqcls", "gemma", "gemma2", "gemma3_text", "gpt2", "gpt_neox", "granite", "llama3", "llama_linear", "mixtral", "opt", "phi3", "qwen2", "qwen3", "qwen3_moe", "smollm3", "t5",
    ];

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void An_export_is_written_or_refused_by_name(string family)
    {
        string folder = FamilyCase.FolderOf(family, files);
        string[] faults = [.. Odd.SelectMany(changes => Faults(folder, JsonNode.Parse(changes)!.AsObject()))];
        Assert.True(faults.Length == 0, string.Join('\n', faults));
    }

    private IEnumerable<string> Faults(string folder, JsonObject changes)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        foreach ((string key, JsonNode? value) in changes)
        {
            config[key] = value?.DeepClone();
        }

        // The weights as they were, and weights as the engine reads the configuration.
        using TemporaryFolder own = new();
        File.WriteAllText(own.File("config.json"), config.ToJsonString());
        foreach (string file in Directory.GetFiles(folder, "model*.safetensors*"))
        {
            File.CreateSymbolicLink(own.File(Path.GetFileName(file)), file);
        }

        foreach (Func<string> model in new[] { () => own.Path, () => FamilyCase.Random(config.ToJsonString(), own).Folder })
        {
            foreach (Action<string> export in new[] { SaveAdapter, SaveModel })
            {
                if (Fault(() => export(model())) is Exception fault)
                {
                    yield return $"{changes.ToJsonString()}: {fault}";
                }
            }
        }
    }

    private static Exception? Fault(Action export)
    {
        try
        {
            export();
            return null;
        }
        catch (LoraException)
        {
            return null; // by name
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    private void SaveModel(string folder) =>
        GgufModel.WriteWithTokens(null, folder, files.File("model.gguf"), LoraTensorType.F32, GgufFamilyTests.NoVocabulary, new() { Overwrite = true, Warn = _ => { } });

    /// <summary>An adapter of all linear layers in blocks.</summary>
    private void SaveAdapter(string folder)
    {
        ModuleTree tree = ModuleTree.Read(folder);
        LoraAdapter adapter = new()
        {
            Config = new() { Rank = 2, Alpha = 4, TargetPattern = "all-linear", TaskType = tree.ModelType switch { "bert" => "SEQ_CLS", "t5" => "SEQ_2_SEQ_LM", _ => null } },
            Tensors = [.. tree.Modules.Where(module => module is { Layer: not null, InFeatures: not null, OutFeatures: not null })
                .SelectMany(module => new[] { Zeros(module.Name, "lora_A", 2, module.InFeatures!.Value), Zeros(module.Name, "lora_B", module.OutFeatures!.Value, 2) })],
        };
        GgufAdapter.Save(adapter, folder, files.File("adapter.gguf"), LoraTensorType.F32, overwrite: true, warn: _ => { });

        static TensorData Zeros(string module, string factor, long rows, long columns) =>
            new($"base_model.model.{module}.{factor}.weight", TensorDataType.F32, [rows, columns], new byte[rows * columns * sizeof(float)]);
    }
}
