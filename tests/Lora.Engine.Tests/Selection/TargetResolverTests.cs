using System.Text.Json.Nodes;
using Lora.Selection;

namespace Lora.Tests.Selection;

public class TargetResolverTests
{
    private static readonly string[] Llama =
    [
        "model.embed_tokens", "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj", "model.layers.0.input_layernorm",
        "model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj", "model.layers.1.input_layernorm", "lm_head",
    ];

    [Theory]
    [MemberData(nameof(PeftCases.Committed_and_shared), MemberType = typeof(PeftCases))]
    public void Every_model_is_adapted_as_by_peft(bool shared)
    {
        JsonObject[] cases = [.. PeftCases.Read("peft_inject.json", shared, null)];
        foreach (JsonObject item in cases.Where(item => item["error"] is null))
        {
            ResolvedTargets resolved = ResolveCase(item);

            // PEFT also lists what it wraps for modules_to_save; here only what gets LoRA is compared.
            Assert.Equal(PeftCases.Names(item["targeted"]), resolved.Targets.Select(target => target.Module.Name));
            if (item["rank"] is JsonObject ranks)
            {
                Assert.Equal(ranks.Select(pair => pair.Value!.GetValue<int>()), resolved.Targets.Select(target => target.Rank));
                Assert.Equal(item["scaling"]!.AsObject().Select(pair => pair.Value!.GetValue<double>()), resolved.Targets.Select(target => target.Scaling));
            }
        }

        Assert.Equal(35, cases.Length);
    }

    [Theory]
    [MemberData(nameof(PeftCases.Committed_and_shared), MemberType = typeof(PeftCases))]
    public void Every_model_that_peft_refuses_is_refused(bool shared)
    {
        foreach (JsonObject item in PeftCases.Read("peft_inject.json", shared, null).Where(item => item["error"] is not null))
        {
            LoraError expected = item["error"]!.GetValue<string>() == "NoMatchingPeftModuleError" ? LoraError.NoTargets : LoraError.TargetKindUnsupported;

            Assert.Equal(expected, Assert.Throws<LoraException>(() => ResolveCase(item)).Error);
        }
    }

    [Theory]
    [MemberData(nameof(PeftCases.Committed_and_shared), MemberType = typeof(PeftCases))]
    public void An_exclude_entry_that_peft_warns_about_is_an_error(bool shared)
    {
        JsonObject[] warned = [.. PeftCases.Read("peft_inject.json", shared, null).Where(item => item["warnings"]!.AsArray().Count > 0)];
        foreach (JsonObject item in warned)
        {
            Assert.Equal(LoraError.TargetNotFound, Assert.Throws<LoraException>(() => ResolveCase(item, allowUnmatched: false)).Error);
        }

        Assert.Single(warned);
    }

    [Fact]
    public void An_entry_that_matches_nothing_is_an_error_with_the_nearest_names()
    {
        LoraConfig config = new() { TargetModule = ["q_porj", "v_proj"], ExcludeModule = ["lmhead"], RankPattern = [new() { Pattern = "o_proj", Value = 4 }] };

        LoraException exception = Assert.Throws<LoraException>(() => Resolve(config));

        Assert.Equal(
            [
                "The TargetModule entry 'q_porj' matches no module of the model; near it are 'q_proj', 'v_proj'.",
                "The ExcludeModule entry 'lmhead' matches no module of the model; near it are 'lm_head'.",
                "The RankPattern entry 'o_proj' matches no module of the model; near it are 'q_proj', 'v_proj'.",
            ],
            exception.Problems.Select(problem => problem.Message));
    }

    [Fact]
    public void What_matches_nothing_is_a_warning_when_that_is_allowed()
    {
        ResolvedTargets resolved = TargetResolver.Resolve(new() { TargetModule = ["q_proj", "FAKE"] }, Modules(Llama), [], null, allowUnmatched: true);

        Assert.Equal(2, resolved.Targets.Count);
        Assert.Equal(LoraError.TargetNotFound, Assert.Single(resolved.Warnings).Error);
        Assert.Equal(["TargetModule 'q_proj': 2 hits, 2 decided", "TargetModule 'FAKE': 0 hits, 0 decided"], resolved.Entries.Select(entry => entry.ToString()));
    }

    [Fact]
    public void Targets_of_other_kinds_are_named_together()
    {
        LoraException exception = Assert.Throws<LoraException>(() => Resolve(new() { TargetPattern = ".*" }, "model", "model.layers"));

        Assert.Equal(
            [
                "LoRA does not adapt modules of kind Norm (model.layers.0.input_layernorm, model.layers.1.input_layernorm); adapted are Linear, Conv1D, Embedding, Conv2d.",
                "LoRA does not adapt modules of kind Container (model, model.layers); adapted are Linear, Conv1D, Embedding, Conv2d.",
            ],
            exception.Problems.Select(problem => problem.Message));
    }

    [Fact]
    public void Exact_names_with_an_exclusion_and_own_ranks_are_resolved()
    {
        LoraConfig config = new()
        {
            Module = ["model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj", "lm_head"],
            ExcludeModule = ["lm_head"],
            RankPattern = [new() { Pattern = @"layers\.1\..*", Value = 4 }],
            AlphaPattern = [new() { Pattern = "q_proj", Value = 8 }],
        };

        ResolvedTargets resolved = Resolve(config);

        Assert.Equal([(16, 8.0, 0.5), (4, 8.0, 2.0)], resolved.Targets.Select(target => (target.Rank, target.Alpha, target.Scaling)));
        Assert.Equal(Llama.Length, resolved.Decisions.Count);
    }

    [Theory]
    [InlineData("llama", 4)]
    [InlineData(null, 5)]
    public void All_linear_leaves_the_output_layer_of_a_known_model_alone(string? modelType, int count)
    {
        ResolvedTargets resolved = TargetResolver.Resolve(new() { TargetPattern = "All-Linear" }, Modules(Llama), [], modelType);

        Assert.Equal(count, resolved.Targets.Count);
        Assert.Equal($"TargetPattern 'all-linear': {count} hits, {count} decided", Assert.Single(resolved.Entries).ToString());
    }

    [Fact]
    public void All_linear_leaves_the_head_of_a_classifier_alone()
    {
        string[] names = ["bert.pooler.dense", "classifier"];

        LoraConfig config = new() { TargetPattern = "all-linear", TaskType = "SEQ_CLS" };

        Assert.Equal(["bert.pooler.dense"], TargetResolver.Resolve(config, Modules(names), [], "bert").Targets.Select(target => target.Module.Name));
        Assert.Equal(2, TargetResolver.Resolve(config with { TaskType = null }, Modules(names), [], "bert").Targets.Count);
    }

    [Fact]
    public void Without_targets_the_model_type_decides()
    {
        Assert.Equal(4, TargetResolver.Resolve(new(), Modules(Llama), [], "llama").Targets.Count);
        Assert.Equal(LoraError.NoTargets, Assert.Throws<LoraException>(() => TargetResolver.Resolve(new(), Modules(Llama), [], "phi3")).Error);
        Assert.Equal(LoraError.NoTargets, Assert.Throws<LoraException>(() => TargetResolver.Resolve(new(), Modules(Llama), [], null)).Error);
    }

    [Theory]
    [InlineData("""{"target_modules":""}""", "the list of targets is empty")]
    [InlineData("""{"target_modules":[]}""", "the list of targets is empty")]
    [InlineData("""{"target_modules":"(?!)"}""", "no target matches")]
    [InlineData("""{"target_modules":["q_proj"],"exclude_modules":".*"}""", "every module is excluded")]
    [InlineData("""{"target_modules":["q_proj"],"exclude_modules":["q_proj"]}""", "what is not excluded is matched by no target")]
    [InlineData("""{"target_modules":["q_proj"],"layers_to_transform":[7]}""", "what the targets match does not lie in the layers of LayersToTransform; its layers are 0 to 1")]
    public void Nothing_to_adapt_is_an_error_that_says_why(string arguments, string reason)
    {
        LoraConfig config = PeftCases.Config(JsonNode.Parse(arguments)!.AsObject());

        LoraException exception = Assert.Throws<LoraException>(() => TargetResolver.Resolve(config, Modules(Llama), [], null, allowUnmatched: true));

        Assert.Equal((LoraError.NoTargets, true), (exception.Error, exception.Message.Contains(reason, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_target_that_stands_for_none_gives_an_empty_adapter() =>
        Assert.Empty(TargetResolver.Resolve(new() { TargetPattern = "dummy-target-modules" }, Modules(Llama), [], null, allowUnmatched: true).Targets);

    [Fact]
    public void Problems_of_the_configuration_come_first() =>
        Assert.Equal(LoraError.ConfigValueInvalid, Assert.Throws<LoraException>(() => Resolve(new LoraConfig { Rank = 0, TargetModule = ["FAKE"] })).Error);

    private static ResolvedTargets Resolve(LoraConfig config, params string[] containers) => TargetResolver.Resolve(config, Modules(Llama), containers, null);

    private static ResolvedTargets ResolveCase(JsonObject item, bool allowUnmatched = true)
    {
        (string Name, string Type)[] modules = [.. item["modules"]!.AsArray().Select(pair => (pair![0]!.GetValue<string>(), pair[1]!.GetValue<string>()))];
        LoraModuleInfo[] infos = [.. modules.Where(module => module.Type != "Container").Select(module => Module(module.Name, KindOf(module.Type)))];
        string[] containers = [.. modules.Where(module => module.Type == "Container").Select(module => module.Name)];
        return TargetResolver.Resolve(PeftCases.Config(item["config"]!.AsObject()), infos, containers, null, allowUnmatched);
    }

    private static LoraModuleInfo[] Modules(string[] names) => [.. names.Select(name => Module(name, KindOf(name)))];

    private static LoraModuleInfo Module(string name, LoraModuleKind kind) => new() { Name = name, Kind = kind };

    private static LoraModuleKind KindOf(string type) => type switch
    {
        "LayerNorm" => LoraModuleKind.Norm,
        "Conv2d" => LoraModuleKind.Conv2d,
        _ when type.EndsWith("norm", StringComparison.Ordinal) => LoraModuleKind.Norm,
        _ when type.Contains("mbed", StringComparison.Ordinal) => LoraModuleKind.Embedding,
        _ => LoraModuleKind.Linear,
    };
}
