using System.Text.Json.Nodes;
using Lora.Adapters;

namespace Lora.Tests.Selection;

/// <summary>Reads the tables that PEFT's own functions made.</summary>
internal static class PeftCases
{
    private static readonly string[] ConfigKeys =
        ["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save"];

    public static TheoryData<bool> Committed_and_shared { get; } = [false, true];

    public static JsonNode Read(string file, bool shared)
    {
        string path = shared ? Repository.Shared("cases", file) : Repository.Fixture("cases", file);
        return JsonNode.Parse(File.ReadAllText(path))!;
    }

    /// <summary>Each case, or each of one list of the file.</summary>
    public static IEnumerable<JsonObject> Read(string file, bool shared, string? list)
    {
        JsonNode root = Read(file, shared);
        return (list is null ? root : root[list]!).AsArray().Select(item => item!.AsObject());
    }

    /// <summary>The configuration of a match case.</summary>
    public static LoraConfig MatchConfig(JsonObject item) =>
        Config(ConfigKeys.Where(item.ContainsKey).Select(key => KeyValuePair.Create(key, item[key])));

    /// <summary>The configuration that PEFT's constructor arguments give.</summary>
    public static LoraConfig Config(IEnumerable<KeyValuePair<string, JsonNode?>> arguments)
    {
        JsonObject fields = new() { ["peft_type"] = "LORA" };
        foreach ((string key, JsonNode? value) in arguments)
        {
            fields[key] = value?.DeepClone();
        }

        return AdapterConfigJson.Parse(fields.ToJsonString());
    }

    public static string[] Names(JsonNode? list) => [.. list!.AsArray().Select(item => item!.GetValue<string>())];
}
