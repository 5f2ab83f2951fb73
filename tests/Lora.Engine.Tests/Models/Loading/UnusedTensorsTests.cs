using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public sealed class UnusedTensorsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("qwen3", "model_type", "\"llama\"", "q_norm.weight")]
    [InlineData("qwen2", "model_type", "\"llama\"", "q_proj.bias")]
    [InlineData("llama3", "num_hidden_layers", "1", "model.layers.1.")]
    public void A_config_of_another_model_leaves_tensors_over(string family, string key, string json, string expected)
    {
        string? warning = Warning(family, key, json);
        Assert.Contains(expected, warning, StringComparison.Ordinal);
        Assert.Contains("Check that config.json belongs to the weights", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    [InlineData("phi3")]
    public void A_config_of_the_model_leaves_none(string family) => Assert.Null(Warning(family, "bos_token_id", "1"));

    [Theory]
    [InlineData("model.layers.0.self_attn.rotary_emb.inv_freq", null)]
    [InlineData("model.layers.0.attn.masked_bias", null)]
    [InlineData("vision_tower.layers.0.fc1.weight", "vision_tower.layers.0.fc1.weight")]
    public void What_is_computed_anew_is_not_missed_and_a_tower_is_where_the_model_has_none(string name, string? expected)
    {
        string source = Repository.Fixture("families", "llama_linear");
        File.Copy(Path.Combine(source, "config.json"), folder.File("config.json"));
        SafetensorsWriter.Write(folder.File("model.safetensors"),
            [.. SafetensorsFile.ReadAll(Path.Combine(source, "model.safetensors")), AdapterTensors.Copy(name, ones([4, 4]))]);

        Assert.Contains(expected ?? "", UnusedTensors.Warning(folder.Path, ModelConfigReader.Read(folder.Path)) ?? "", StringComparison.Ordinal);
        Assert.Equal(expected is null, UnusedTensors.Warning(folder.Path, ModelConfigReader.Read(folder.Path)) is null);
    }

    [Fact]
    public void A_classifier_is_not_loaded_as_a_language_model()
    {
        LoraException exception = Assert.Throws<LoraException>(() => Warning("qwen2", "architectures", """["Qwen2ForSequenceClassification"]"""));
        Assert.Equal(LoraError.ArchitectureUnsupported, exception.Error);
        Assert.Contains("Qwen2ForSequenceClassification", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_of_more_layers_than_the_checkpoint_has_is_one_problem()
    {
        LoraException exception = Assert.Throws<LoraException>(() => Warning("llama3", "num_hidden_layers", "9999"));
        Assert.Contains("num_hidden_layers is 9999, and the checkpoint has 3 of these blocks", Assert.Single(exception.Problems).Message, StringComparison.Ordinal);
    }

    private string? Warning(string family, string key, string json)
    {
        string source = Repository.Fixture("families", family);
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config[key] = JsonNode.Parse(json);
        folder.Write("config.json", config.ToJsonString());
        File.Copy(Path.Combine(source, "model.safetensors"), folder.File("model.safetensors"), overwrite: true);
        return UnusedTensors.Warning(folder.Path, ModelConfigReader.Read(folder.Path));
    }
}
