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

        if (FamilyCase.HasNoRun(family))
        {
            return ModelLoader.Load(FamilyCase.Random(config.ToJsonString(), folder).Folder, CPU, type);
        }

        folder.Write("config.json", config.ToJsonString());
        File.Copy(Path.Combine(source, "model.safetensors"), folder.File("model.safetensors"));
        return ModelLoader.Load(folder.Path, CPU, type);
    }

    /// <summary>The same with other rotations, of a model whose blocks are Llama's.</summary>
    /// <param name="family">The committed model.</param>
    /// <param name="type">What the weights are held in.</param>
    /// <param name="bases">Of the rotation of each block; 0 for none.</param>
    public static CausalLanguageModel Turned(string family, ScalarType type, double[] bases)
    {
        string folder = Repository.Fixture("families", family);
        ModelShape shape = (ModelShape)ModelConfigReader.Read(folder);
        IEnumerable<PreNormShape> blocks = shape.Blocks.Cast<PreNormShape>().Zip(bases, (block, theta) => block with { Attention = block.Attention with { Rope = theta == 0 ? null : new(theta) } });
        return (CausalLanguageModel)ModelLoader.Load(shape with { Blocks = [.. blocks] }, folder, CPU, type);
    }
}
