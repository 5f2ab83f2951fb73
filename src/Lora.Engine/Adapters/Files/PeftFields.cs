using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lora.Adapters;

/// <summary>The keys that PEFT 0.20 writes into adapter_config.json and that the engine only passes on, with their defaults.</summary>
internal static class PeftFields
{
    /// <summary>The version that a file made here names.</summary>
    public const string Version = "0.20.0";

    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal)
    {
        ["alora_invocation_tokens"] = "null",
        ["arrow_config"] = "null",
        ["auto_mapping"] = "null",
        ["corda_config"] = "null",
        ["eva_config"] = "null",
        ["kasa_config"] = "null",
        ["layer_replication"] = "null",
        ["loftq_config"] = "{}",
        ["lora_ga_config"] = "null",
        ["megatron_config"] = "null",
        ["megatron_core"] = "\"megatron.core\"",
        ["monteclora_config"] = "null",
        ["peft_version"] = $"\"{Version}\"",
        ["qalora_group_size"] = "16",
        ["use_bdlora"] = "null",
        ["use_qalora"] = "false",
        ["velora_config"] = "null",
    };

    /// <summary>Keys that change what an adapter computes; the configurations of initialisations are not among them.</summary>
    private static readonly string[] Features =
    [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "megatron_config",
        "monteclora_config", "use_bdlora", "use_qalora", "velora_config",
    ];

    /// <summary>The passed-on keys of a new file.</summary>
    public static JsonObject NewDefaults()
    {
        JsonObject defaults = [];
        foreach ((string key, string json) in Defaults)
        {
            defaults[key] = JsonNode.Parse(json);
        }

        return defaults;
    }

    /// <summary>The other keys of a configuration as an object; empty when there are none.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: the text is not a JSON object.</exception>
    public static JsonObject Parse(string? otherKeys)
    {
        try
        {
            return otherKeys is null ? [] : JsonNode.Parse(otherKeys)?.AsObject() ?? [];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw LoraException.From(exception, LoraError.ConfigValueInvalid, otherKeys, nameof(LoraConfig.OtherKeys), $"'{otherKeys}'", "the text of a JSON object");
        }
    }

    /// <summary>The features that a configuration turns on and that the engine does not have, or that its other keys cannot be read.</summary>
    public static IEnumerable<LoraProblem> Check(LoraConfig config, string source)
    {
        try
        {
            JsonObject keys = Parse(config.OtherKeys);
            return Features.Where(feature => IsOn(keys[feature])).Select(feature => new LoraProblem(LoraError.AdapterFeatureUnsupported, feature, source, $"'{feature}'"));
        }
        catch (LoraException exception)
        {
            return exception.Problems;
        }
    }

    /// <summary>The keys that PEFT 0.20 does not know either and that are set: null, false and what is empty say nothing.</summary>
    public static IEnumerable<string> Unknown(LoraConfig config) =>
        Parse(config.OtherKeys).Where(pair => !Defaults.ContainsKey(pair.Key) && IsOn(pair.Value)).Select(pair => pair.Key);

    private static bool IsOn(JsonNode? value) => value switch
    {
        null => false,
        JsonArray array => array.Count > 0,
        JsonObject fields => fields.Count > 0,
        JsonValue text when text.TryGetValue(out string? letters) => letters.Length > 0,
        _ => value.GetValueKind() != JsonValueKind.False,
    };
}
