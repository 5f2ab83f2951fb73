using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lora.Adapters;

namespace Lora.Tests.Adapters;

public class AdapterConfigJsonTests
{
    /// <summary>The keys that PEFT 0.20 writes and that the older version, which wrote the files, does not.</summary>
    private static readonly string[] NewerKeys =
    [
        "\"alora_invocation_tokens\": null", "\"arrow_config\": null", "\"corda_config\": null", "\"ensure_weight_tying\": false", "\"kasa_config\": null",
        "\"lora_ga_config\": null", "\"monteclora_config\": null", "\"peft_version\": \"0.20.0\"", "\"qalora_group_size\": 16", "\"target_parameters\": null",
        "\"trainable_token_indices\": null", "\"use_bdlora\": null", "\"use_qalora\": false", "\"velora_config\": null",
    ];

    [Theory]
    [InlineData("llama3")]
    [InlineData("flux")]
    public void A_file_of_peft_is_written_byte_for_byte(string name) =>
        AssertSame(File.ReadAllText(Repository.Fixture("adapters", name + ".adapter_config.json")));

    [Fact]
    public void Every_file_of_peft_is_written_byte_for_byte()
    {
        foreach (string folder in Directory.EnumerateDirectories(Repository.Shared("families")))
        {
            string path = Path.Combine(folder, "adapter", "adapter_config.json");
            if (File.Exists(path))
            {
                AssertSame(File.ReadAllText(path));
            }
        }
    }

    [Fact]
    public void A_configuration_made_here_has_the_41_keys()
    {
        string json = AdapterConfigJson.Write(new() { TargetModule = ["q_proj"], Alpha = 0.1, Dropout = 0.05, LayersToTransform = [0] });

        JsonObject fields = JsonNode.Parse(json)!.AsObject();
        Assert.Equal(41, fields.Count);
        Assert.Equal(fields.Select(pair => pair.Key).Order(StringComparer.Ordinal), fields.Select(pair => pair.Key));
        Assert.Contains("\n  \"lora_alpha\": 0.1,\n", json, StringComparison.Ordinal);
        Assert.Contains("\n  \"lora_dropout\": 0.05,\n", json, StringComparison.Ordinal);
        Assert.Contains("\n  \"layers_to_transform\": [\n    0\n  ],\n", json, StringComparison.Ordinal);
        Assert.Contains("\n  \"init_lora_weights\": true,\n", json, StringComparison.Ordinal);
        Assert.EndsWith("\n}", json, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_printed_character_of_ASCII_is_escaped_as_Python_does() =>
        Assert.Contains("\n    \"a\\u007f\\u0080\\ud83d\\ude00 ~\"\n", AdapterConfigJson.Write(new() { TargetModule = ["a\u007f\u0080😀 ~"] }), StringComparison.Ordinal);

    [Fact]
    public void Exact_names_become_sorted_targets()
    {
        string json = AdapterConfigJson.Write(new() { Module = ["b.q", "a.q"] });

        Assert.Equal(["a.q", "b.q"], AdapterConfigJson.Parse(json).TargetModule!);
    }

    [Fact]
    public void Patterns_keep_their_order_since_the_first_match_decides()
    {
        LoraConfig config = new() { RankPattern = [new() { Pattern = "q_proj", Value = 4 }, new() { Pattern = "0.self_attn.q_proj", Value = 16 }] };

        string json = AdapterConfigJson.Write(config);

        Assert.Contains("\"q_proj\": 4,\n    \"0.self_attn.q_proj\": 16\n", json, StringComparison.Ordinal);
        Assert.Equal(config.RankPattern, AdapterConfigJson.Parse(json).RankPattern!);
    }

    [Fact]
    public void Unknown_keys_and_their_values_survive()
    {
        const string Json = """{"peft_type":"LORA","zeta":{"b":[1,2.50],"a":"é\"\n😀"},"peft_version":"0.17.0","eva_config":{"rho":2.0}}""";

        LoraConfig config = AdapterConfigJson.Parse(Json);
        string written = AdapterConfigJson.Write(config);

        // As python -c 'json.dumps(..., indent=2, sort_keys=True)' prints it, but for the number, which is kept as it was.
        Assert.EndsWith(
            "\"zeta\": {\n    \"a\": \"\\u00e9\\\"\\n\\ud83d\\ude00\",\n    \"b\": [\n      1,\n      2.50\n    ]\n  }\n}", written, StringComparison.Ordinal);
        Assert.Contains("\"peft_version\": \"0.17.0\"", written, StringComparison.Ordinal);
        Assert.Contains("\"eva_config\": {\n    \"rho\": 2.0\n  }", written, StringComparison.Ordinal);
        Assert.Equal(["zeta"], AdapterConfigJson.UnknownKeys(config));
        Assert.Equal(written, AdapterConfigJson.Write(AdapterConfigJson.Parse(written)));
    }

    [Fact]
    public void Only_unknown_keys_that_are_set_count()
    {
        const string Json = """{"peft_type":"LORA","use_frobnicate":true,"post_scale":0.5,"lora_alfa":99,"gate":{"a":1},"off":false,"none":null,"text":"","list":[],"object":{},"megatron_core":"x"}""";

        Assert.Equal(["use_frobnicate", "post_scale", "lora_alfa", "gate"], AdapterConfigJson.UnknownKeys(AdapterConfigJson.Parse(Json)));
    }

    [Fact]
    public void The_smallest_file_has_the_defaults_of_peft()
    {
        LoraConfig config = AdapterConfigJson.Parse("""{"peft_type":"LORA","target_modules":"all-linear"}""");

        Assert.Equal((8, 8.0, 0.0, "true", null), (config.Rank, config.Alpha, config.Dropout, config.Initialization, config.TaskType));
        Assert.Equal("all-linear", config.TargetPattern);
    }

    [Theory]
    [InlineData(0.1, "0.1")]
    [InlineData(1.0, "1.0")]
    [InlineData(1e-05, "1e-05")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(1e17, "1e+17")]
    [InlineData(1.0 / 3, "0.3333333333333333")]
    public void Floats_are_printed_as_python_prints_them(double value, string text) => Assert.Equal(text, PythonJson.Float(value).ToJsonString());

    [Theory]
    [InlineData("{", LoraError.AdapterConfigInvalid)]
    [InlineData("[]", LoraError.AdapterConfigInvalid)]
    [InlineData("{}", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","r":1,"r":2}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","lora_alpha":1e999}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","alpha_pattern":{"a":-1e999}}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","r":1.5}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","use_dora":"yes"}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","target_modules":["a",1]}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","layers_to_transform":[0.5]}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","modules_to_save":"lm_head"}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"LORA","rank_pattern":{"a":"b"}}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"peft_type":"IA3"}""", LoraError.AdapterFeatureUnsupported)]
    public void A_file_that_is_wrong_is_refused(string json, LoraError error) =>
        Assert.Equal(error, Assert.Throws<LoraException>(() => AdapterConfigJson.Parse(json)).Error);

    [Fact]
    public void All_wrong_keys_are_named_together()
    {
        LoraException exception = Assert.Throws<LoraException>(() => AdapterConfigJson.Parse("""{"peft_type":"LORA","r":"a","bias":"b","lora_alpha":[]}"""));

        Assert.Equal(3, exception.Problems.Count);
    }

    /// <summary>Writes what a file says; expected is its text with the newer keys put in and the targets, which are in hash order, sorted.</summary>
    private static void AssertSame(string json)
    {
        string[] blocks = Regex.Split(json[4..^2], ",\n  (?=\")");
        string expected = string.Join(",\n  ", blocks.Concat(NewerKeys).Order(StringComparer.Ordinal).Select(SortTargets));

        Assert.Equal("{\n  " + expected + "\n}", AdapterConfigJson.Write(AdapterConfigJson.Parse(json)));
    }

    private static string SortTargets(string block) => !block.StartsWith("\"target_modules\": [", StringComparison.Ordinal)
        ? block
        : "\"target_modules\": [\n    " + string.Join(",\n    ", Regex.Matches(block, "(?<=    )\"[^\"]*\"").Select(match => match.Value).Order(StringComparer.Ordinal)) + "\n  ]";
}
