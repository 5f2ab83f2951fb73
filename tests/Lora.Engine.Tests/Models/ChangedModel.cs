using System.Text.Json.Nodes;
using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>A committed model's weights under a configuration with other values.</summary>
internal static class ChangedModel
{
    /// <param name="family">The committed model.</param>
    /// <param name="type">What the weights are held in.</param>
    /// <param name="values">Keys of config.json, with JSON.</param>
    public static CausalLanguageModel Load(string family, ScalarType type, params (string Key, string Json)[] values)
    {
        using TemporaryFolder folder = new();
        string source = Repository.Fixture("families", family);
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        foreach ((string key, string json) in values)
        {
            config[key] = JsonNode.Parse(json);
        }

        folder.Write("config.json", config.ToJsonString());
        File.Copy(Path.Combine(source, "model.safetensors"), folder.File("model.safetensors"));
        return ModelLoader.Load(folder.Path, CPU, type);
    }
}
