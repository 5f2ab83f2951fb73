using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Selection;
using Lora.Tests.Checkpoints;

namespace Lora.Tests.Selection;

/// <summary>What all-linear and task_type mean for models by the names and shapes of their published files; the counts are those of PEFT's own functions.</summary>
public sealed class TaskHeadsTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("whisper", null, 32, 0)]
    [InlineData("gpt_oss", null, 16, 0)]
    [InlineData("roberta", "SEQ_CLS", 18, 2)]
    [InlineData("roberta", null, 20, 0)]
    [InlineData("distilbert", "SEQ_CLS", 18, 2)]
    [InlineData("distilbert", "CAUSAL_LM", 20, 0)]
    [InlineData("bert", "SEQ_CLS", 13, 1)]
    [InlineData("bert", "TOKEN_CLS", 13, 1)]
    [InlineData("bert_qa", "QUESTION_ANS", 13, 1)]
    [InlineData("llama", "SEQ_CLS", 14, 1)]
    [InlineData("deepseek_v3", null, 2, 0)]
    [InlineData("internlm2", null, 2, 0)]
    [InlineData("hf_olmo", null, 1, 0)]
    [InlineData("llava", null, 1, 0)]
    [InlineData("electra", null, 1, 0)]
    public void All_linear_takes_and_the_task_trains_whole_as_many_modules_as_in_PEFT(string model, string? task, int adapted, int whole)
    {
        ModuleTree tree = Tree(model);
        LoraConfig config = new() { TargetPattern = "all-linear", TaskType = task };

        ResolvedTargets resolved = TargetResolver.Resolve(config, tree.Modules, tree.Containers, tree.ModelType);

        string[] saved = [.. tree.Modules.Select(module => module.Name).Where(name => resolved.Saved.Any(entry => SavedModules.Holds(entry, name)))];
        Assert.Equal((adapted, whole), (resolved.Targets.Count, saved.Length));
    }

    [Theory]
    [InlineData("gpt_oss", "model.layers.0.mlp.router")]
    [InlineData("deepseek_v3", "model.layers.3.mlp.gate")]
    public void A_router_of_a_class_of_its_own_is_no_Linear(string model, string name)
    {
        LoraModuleInfo router = Tree(model).Modules.Single(module => module.Name == name);

        Assert.Equal((LoraModuleKind.Other, null, null), (router.Kind, router.InFeatures, router.OutFeatures));
    }

    [Fact]
    public void A_classifier_is_adapted_and_trained_whole_as_by_PEFT()
    {
        using JsonDocument facts = JsonDocument.Parse(File.ReadAllText(Repository.Shared("golden2", "classification", "facts.json")));
        ModuleTree tree = ModuleTree.Read(Repository.Shared("golden2", "classification", "seq_single_label"));
        JsonElement[] cases = [.. facts.RootElement.GetProperty("cases").EnumerateObject().Select(entry => entry.Value).Where(entry => entry.TryGetProperty("result", out _))];
        foreach (JsonElement item in cases)
        {
            JsonObject given = new() { ["peft_type"] = "LORA", ["target_modules"] = new JsonArray("query") };
            item.GetProperty("lora_config").EnumerateObject().ToList().ForEach(entry => given[entry.Name] = JsonNode.Parse(entry.Value.GetRawText()));
            string[] keys = [.. item.GetProperty("result").GetProperty("saved").EnumerateArray().Select(key => key.GetString()!["base_model.model.".Length..])];

            ResolvedTargets resolved = TargetResolver.Resolve(AdapterConfigJson.Parse(given.ToJsonString()), tree.Modules, tree.Containers, tree.ModelType);

            const string Down = ".lora_A.weight";
            Assert.Equal(keys.Where(key => key.EndsWith(Down, StringComparison.Ordinal)).Select(key => key[..^Down.Length]).Order(), resolved.Targets.Select(target => target.Module.Name).Order());
            Assert.Equal(
                keys.Where(key => key.EndsWith(".weight", StringComparison.Ordinal) && !key.Contains(".lora_", StringComparison.Ordinal)).Select(key => key[..^".weight".Length]).Order(),
                tree.Modules.Select(module => module.Name).Where(name => resolved.Saved.Any(entry => SavedModules.Holds(entry, name))).Order());
        }

        Assert.Equal(8, cases.Length);
    }

    [Fact]
    public void What_is_named_already_is_named_once()
    {
        ModuleTree tree = Tree("bert");
        LoraConfig config = new() { TargetModule = ["query", "classifier"], ModulesToSave = ["classifier"], TaskType = "SEQ_CLS" };

        ResolvedTargets resolved = TargetResolver.Resolve(config, tree.Modules, tree.Containers, tree.ModelType);

        Assert.Equal(["classifier"], resolved.Saved);
        Assert.DoesNotContain(resolved.Targets, target => target.Module.Name == "classifier");
        Assert.Equal(["classifier"], FileTargets.Spell(config, resolved).ModulesToSave!);
    }

    private ModuleTree Tree(string model)
    {
        (string type, string architecture, IEnumerable<(string, long[])> tensors) = model switch
        {
            "whisper" => ("whisper", "WhisperForConditionalGeneration", Whisper()),
            "gpt_oss" => ("gpt_oss", "GptOssForCausalLM", GptOss()),
            "roberta" => ("roberta", "RobertaForSequenceClassification",
                [.. Bert("roberta", 3), ("classifier.dense.weight", [8, 8]), ("classifier.dense.bias", [8]), ("classifier.out_proj.weight", [2, 8]), ("classifier.out_proj.bias", [2])]),
            "distilbert" => ("distilbert", "DistilBertForSequenceClassification",
                [.. Distilbert(3), ("pre_classifier.weight", [8, 8]), ("pre_classifier.bias", [8]), ("classifier.weight", [2, 8]), ("classifier.bias", [2])]),
            "bert" => ("bert", "BertForSequenceClassification", [.. Bert("bert", 2), ("bert.pooler.dense.weight", [8, 8]), ("classifier.weight", [2, 8]), ("classifier.bias", [2])]),
            "bert_qa" => ("bert", "BertForQuestionAnswering", [.. Bert("bert", 2), ("bert.pooler.dense.weight", [8, 8]), ("qa_outputs.weight", [2, 8])]),
            "llama" => ("llama", "LlamaForSequenceClassification", [.. Llama(2), ("score.weight", [2, 8])]),
            "deepseek_v3" => ("deepseek_v3", "DeepseekV3ForCausalLM",
            [
                ("model.embed_tokens.weight", [32, 8]), ("model.layers.3.self_attn.o_proj.weight", [8, 8]), ("model.layers.3.mlp.gate.weight", [4, 8]),
                ("model.layers.3.mlp.gate.e_score_correction_bias", [4]), ("model.layers.3.mlp.shared_experts.up_proj.weight", [8, 8]), ("lm_head.weight", [32, 8]),
            ]),
            "internlm2" => ("internlm2", "InternLM2ForCausalLM",
                [("model.tok_embeddings.weight", [32, 8]), ("model.layers.0.attention.wqkv.weight", [8, 8]), ("model.layers.0.attention.wo.weight", [8, 8]), ("output.weight", [32, 8])]),
            "hf_olmo" => ("hf_olmo", "OLMoForCausalLM",
                [("model.transformer.wte.weight", [32, 8]), ("model.transformer.blocks.0.ff_out.weight", [8, 8]), ("model.transformer.ff_out.weight", [32, 8])]),
            "llava" => ("llava", "LlavaForConditionalGeneration",
                [("language_model.model.embed_tokens.weight", [32, 8]), ("language_model.model.layers.0.self_attn.q_proj.weight", [8, 8]), ("language_model.lm_head.weight", [32, 8])]),
            _ => ("electra", "ElectraForMaskedLM",
                [("electra.embeddings.word_embeddings.weight", [32, 8]), ("electra.encoder.layer.0.attention.self.query.weight", [8, 8])]),
        };
        SparseCheckpoint.Write(files.Path, [.. tensors], shardCount: 1, $$"""{"architectures":["{{architecture}}"],"model_type":"{{type}}"}""");
        return ModuleTree.Read(files.Path);
    }

    /// <summary>Six linear layers a block.</summary>
    private static IEnumerable<(string, long[])> Bert(string root, int layers) =>
    [
        ($"{root}.embeddings.word_embeddings.weight", [32, 8]),
        .. Blocks($"{root}.encoder.layer", layers, "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"),
    ];

    private static IEnumerable<(string, long[])> Distilbert(int layers) =>
    [
        ("distilbert.embeddings.word_embeddings.weight", [32, 8]),
        .. Blocks("distilbert.transformer.layer", layers, "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "ffn.lin1", "ffn.lin2"),
    ];

    private static IEnumerable<(string, long[])> Llama(int layers) =>
    [
        ("model.embed_tokens.weight", [32, 8]),
        .. Blocks("model.layers", layers, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
    ];

    /// <summary>whisper with two layers each: 2 x 6 in the encoder, 2 x 10 in the decoder, whose output is tied to the embedding and in no file.</summary>
    private static IEnumerable<(string, long[])> Whisper()
    {
        string[] attention = ["k_proj", "v_proj", "q_proj", "out_proj"];
        return
        [
            ("model.encoder.conv1.weight", [8, 4, 3]), ("model.encoder.embed_positions.weight", [16, 8]), ("model.decoder.embed_tokens.weight", [32, 8]), ("model.decoder.embed_positions.weight", [16, 8]),
            .. Blocks("model.encoder.layers", 2, [.. attention.Select(name => "self_attn." + name), "fc1", "fc2"]),
            .. Blocks("model.decoder.layers", 2, [.. attention.Select(name => "self_attn." + name), .. attention.Select(name => "encoder_attn." + name), "fc1", "fc2"]),
        ];
    }

    /// <summary>gpt-oss with four layers: experts are parameters of one module, the router is a class of its own.</summary>
    private static IEnumerable<(string, long[])> GptOss() =>
    [
        ("model.embed_tokens.weight", [32, 8]),
        .. Blocks("model.layers", 4, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.router"),
        .. Enumerable.Range(0, 4).SelectMany(layer => new (string, long[])[]
        {
            ($"model.layers.{layer}.mlp.router.bias", [8]), ($"model.layers.{layer}.mlp.experts.gate_up_proj", [4, 8, 16]), ($"model.layers.{layer}.mlp.experts.down_proj", [4, 8, 8]),
        }),
        ("lm_head.weight", [32, 8]),
    ];

    private static IEnumerable<(string, long[])> Blocks(string root, int layers, params string[] linears) =>
        from layer in Enumerable.Range(0, layers)
        from name in linears
        select ($"{root}.{layer}.{name}.weight", new long[] { 8, 8 });
}
