using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Selection;
using Lora.Tests.Adapters;
using Lora.Tests.Checkpoints;

namespace Lora.Tests.Selection;

/// <summary>target_parameters as PEFT resolves and refuses it, by the answers that PEFT gave (errors.json), and by the names in files.</summary>
public sealed class ParameterTargetsTests : IDisposable
{
    private const string Fused = """{"architectures":["Qwen3MoeForCausalLM"],"model_type":"qwen3_moe"}""";

    // What PEFT lets pass here and the engine does not: an entry that matches nothing is an error, and no adapter begins with EVA.
    private static readonly string[] Stricter = ["nothing_matches_but_modules_do", "init_eva"];

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void What_PEFT_refuses_is_refused_and_what_it_takes_has_its_keys()
    {
        using JsonDocument errors = JsonDocument.Parse(File.ReadAllText(Repository.Shared("golden2", "target_parameters", "errors.json")));
        JsonProperty[] cases = [.. errors.RootElement.GetProperty("cases").EnumerateObject().Where(item => item.Value.TryGetProperty("lora_config", out JsonElement config) && config.TryGetProperty("r", out _))];
        foreach (JsonProperty item in cases)
        {
            JsonObject given = JsonNode.Parse(item.Value.GetProperty("lora_config").GetRawText())!.AsObject();
            given["peft_type"] = "LORA";

            object answer = Attach(given.ToJsonString());

            bool isRefused = item.Value.GetProperty("raises").ValueKind == JsonValueKind.String || Stricter.Contains(item.Name);
            Assert.True(isRefused == answer is LoraException, $"{item.Name}: {answer}");
            if (answer is IEnumerable<string> keys)
            {
                Assert.Equal(item.Value.GetProperty("result").GetProperty("keys").EnumerateObject().Select(key => $"{key.Name} {key.Value}").Order(), keys.Order());
            }
        }

        Assert.Equal(23, cases.Length);
    }

    [Fact]
    public void Experts_of_a_file_are_listed_one_by_one_in_the_order_of_their_class()
    {
        LoraModuleInfo[] modules = [.. FusedTree().Modules];

        Assert.Equal(
            [
                "model.embed_tokens", "model.layers.0.self_attn.q_proj", "model.layers.0.mlp.gate", "model.layers.0.mlp.experts.gate_up_proj", "model.layers.0.mlp.experts.down_proj",
                "model.layers.0.mlp.shared_expert.down_proj", "model.layers.0.mlp.shared_expert_gate",
            ],
            modules.Select(module => module.Name));
        LoraModuleInfo up = modules[3];
        Assert.Equal((LoraModuleKind.Expert, "gate_up_proj", 4, 8, 10), (up.Kind, up.Parameter, up.ExpertCount, up.InFeatures, up.OutFeatures));
        Assert.Equal((4 * 10 * 8, 0), (up.ParameterCount, up.Layer));
        Assert.Equal(["router", "expert.gate_up_proj", "expert.down_proj", "shared_expert.down_proj", "shared_expert_gate"], modules[2..].Select(module => module.Role));
        Assert.Contains("model.layers.0.mlp.experts", FusedTree().Containers);
    }

    [Fact]
    public void Gpt_oss_stores_its_experts_with_the_inputs_first_and_has_biases_beside_them()
    {
        SparseCheckpoint.Write(
            files.Path,
            [
                ("model.layers.0.mlp.experts.down_proj", [4, 6, 8]), ("model.layers.0.mlp.experts.down_proj_bias", [4, 8]),
                ("model.layers.0.mlp.experts.gate_up_proj", [4, 8, 12]), ("model.layers.0.mlp.experts.gate_up_proj_bias", [4, 12]), ("model.layers.0.mlp.router.weight", [4, 8]),
            ],
            shardCount: 1,
            """{"architectures":["GptOssForCausalLM"],"model_type":"gpt_oss"}""");
        LoraModuleInfo[] modules = [.. ModuleTree.Read(files.Path).Modules];

        LoraModuleInfo[] experts = [.. modules.Where(module => module.Parameter is not null)];
        Assert.Equal(["gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias"], experts.Select(module => module.Parameter));
        Assert.Equal([(8, 12), (12, 4), (6, 8), (8, 4)], experts.Select(module => ((int)module.InFeatures!, (int)module.OutFeatures!)));
        Assert.Equal([LoraModuleKind.Expert, LoraModuleKind.Other, LoraModuleKind.Expert, LoraModuleKind.Other], experts.Select(module => module.Kind));
    }

    [Fact]
    public void Experts_that_are_modules_have_the_roles_of_experts_and_stay_linear()
    {
        SparseCheckpoint.Write(
            files.Path,
            [
                ("model.layers.0.block_sparse_moe.gate.weight", [4, 8]), ("model.layers.0.block_sparse_moe.experts.3.w1.weight", [8, 8]), ("model.layers.1.mlp.down_proj.weight", [8, 8]),
                ("model.layers.2.mlp.shared_experts.up_proj.weight", [8, 8]),
            ],
            shardCount: 1,
            """{"architectures":["MixtralForCausalLM"],"model_type":"mixtral"}""");

        Assert.Equal(
            [("router", LoraModuleKind.Linear), ("expert.w1", LoraModuleKind.Linear), ("down_proj", LoraModuleKind.Linear), ("shared_expert.up_proj", LoraModuleKind.Linear)],
            ModuleTree.Read(files.Path).Modules.Select(module => (module.Role, module.Kind)));
    }

    [Fact]
    public void A_target_module_never_means_a_parameter_and_the_message_says_what_does()
    {
        ModuleTree tree = FusedTree();

        ResolvedTargets shared = Resolve(tree, new() { TargetModule = ["down_proj"] });
        LoraException failure = Assert.Throws<LoraException>(() => Resolve(tree, new() { TargetModule = ["gate_up_proj"] }));

        Assert.Equal(["model.layers.0.mlp.shared_expert.down_proj"], shared.Targets.Select(target => target.Module.Name));
        Assert.Contains("give it as TargetParameter", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ranks_and_alphas_are_found_by_the_parameters_names()
    {
        LoraConfig config = new()
        {
            TargetModule = ["q_proj"],
            TargetParameter = ["experts.down_proj", "mlp.experts.gate_up_proj", "mlp.gate.weight"],
            RankPattern = [new() { Pattern = "experts.gate_up_proj", Value = 3 }, new() { Pattern = "gate.weight", Value = 5 }],
            AlphaPattern = [new() { Pattern = "down_proj", Value = 48 }],
        };

        ResolvedTargets resolved = Resolve(FusedTree(), config);

        Assert.Equal(
            [("model.layers.0.self_attn.q_proj", 16, 2.0), ("model.layers.0.mlp.gate.weight", 5, 6.4), ("model.layers.0.mlp.experts.gate_up_proj", 3, 32.0 / 3), ("model.layers.0.mlp.experts.down_proj", 16, 3)],
            resolved.Targets.Select(target => (target.Module.Name, target.Rank, target.Scaling)));
        Assert.Equal([1, 1, 1], resolved.Entries.Where(entry => entry.List == "TargetParameter").Select(entry => entry.Decided));
        Assert.Equal("TargetParameter 'mlp.gate.weight'", resolved.Decisions.Single(decision => decision.Name == "model.layers.0.mlp.gate").Reason);
    }

    [Fact]
    public void An_entry_that_means_nothing_is_refused_with_the_nearest_parameters_and_wildcards_with_the_rule()
    {
        LoraException near = Assert.Throws<LoraException>(() => Resolve(FusedTree(), new() { TargetModule = [], TargetParameter = ["experts.gate_up_porj"] }));
        LoraException glob = Assert.Throws<LoraException>(() => Resolve(FusedTree(), new() { TargetModule = [], TargetParameter = ["*.gate_up_proj"] }));

        Assert.Contains("'experts.gate_up_proj'", near.Message, StringComparison.Ordinal);
        Assert.Contains("neither wildcards nor regular expressions", glob.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TargetModule", "q_proj", "only what lies outside of the experts")]
    [InlineData("TargetModule", "shared_expert.down_proj", "of the experts only the shared ones")]
    [InlineData("TargetModule", "mlp.gate", "only the routers")]
    [InlineData("TargetParameter", "experts.down_proj", null)]
    public void What_of_a_mixture_is_left_alone_is_said(string list, string entry, string? said)
    {
        LoraConfig config = list == "TargetModule" ? new() { TargetModule = [entry] } : new() { TargetModule = [], TargetParameter = [entry] };

        string? note = Resolve(FusedTree(), config).Notes.SingleOrDefault(text => text.Contains("mixture of experts", StringComparison.Ordinal));

        Assert.Equal(said is null, note is null);
        Assert.Contains(said ?? "", note ?? "", StringComparison.Ordinal);
        Assert.Contains(said is null ? "" : "TargetParameter 'gate_up_proj'", note ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void The_size_is_that_of_all_experts()
    {
        FusedTree();
        TargetPreview preview = TargetPreview.Of(new() { TargetModule = [], TargetParameter = ["experts.gate_up_proj", "self_attn.q_proj.weight"], Rank = 2 }, files.Path);

        Assert.Equal((4 * 2 * (8 + 10)) + (2 * (8 + 8)), preview.ParameterCount);
        Assert.Equal(["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.experts.gate_up_proj"], preview.Targets.Where(target => target.Targeted).Select(target => target.Name));
    }

    [Fact]
    public void It_is_written_and_read_as_in_PEFT()
    {
        LoraConfig config = AdapterConfigJson.Parse("""{"peft_type":"LORA","r":2,"target_modules":[],"target_parameters":["mlp.experts.gate_up_proj","mlp.experts.down_proj"]}""");

        string written = AdapterConfigJson.Write(config);

        Assert.Equal(["mlp.experts.gate_up_proj", "mlp.experts.down_proj"], config.TargetParameter!);
        Assert.Equal("mlp.experts.gate_up_proj, mlp.experts.down_proj", config.Target);
        using JsonDocument document = JsonDocument.Parse(written);
        Assert.Equal("[]", document.RootElement.GetProperty("target_modules").GetRawText());
        Assert.Equal(config.TargetParameter!, document.RootElement.GetProperty("target_parameters").EnumerateArray().Select(entry => entry.GetString()));
    }

    private static ResolvedTargets Resolve(ModuleTree tree, LoraConfig config) => TargetResolver.Resolve(config, tree.Modules, tree.Containers, tree.ModelType);

    private ModuleTree FusedTree()
    {
        SparseCheckpoint.Write(
            files.Path,
            [
                ("model.embed_tokens.weight", [16, 8]), ("model.layers.0.self_attn.q_proj.weight", [8, 8]), ("model.layers.0.mlp.gate.weight", [4, 8]),
                ("model.layers.0.mlp.experts.down_proj", [4, 8, 5]), ("model.layers.0.mlp.experts.gate_up_proj", [4, 10, 8]),
                ("model.layers.0.mlp.shared_expert.down_proj.weight", [8, 8]), ("model.layers.0.mlp.shared_expert_gate.weight", [1, 8]),
            ],
            shardCount: 1,
            Fused);
        return ModuleTree.Read(files.Path);
    }

    /// <summary>The keys of the adapter that a configuration makes on the tree of the reference run, or why it makes none.</summary>
    private static object Attach(string json)
    {
        using JsonDocument tree = JsonDocument.Parse("""{"L":2,"E":3,"H":8,"I":5,"in_out":false,"flag":false,"bias":false}""");
        using MixtureModel model = new(tree.RootElement);
        try
        {
            using AttachedLora attached = LoraModules.Attach(model, AdapterConfigJson.Parse(json));
            return attached.ToAdapter().Tensors.Select(tensor => $"{tensor.Name} [{string.Join(',', tensor.Shape)}]").ToArray();
        }
        catch (LoraException exception)
        {
            return exception;
        }
    }
}
