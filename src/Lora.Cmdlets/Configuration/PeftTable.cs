using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>
/// A table with PEFT's keys: the arguments of its LoraConfig as a hashtable, or what ConvertFrom-Json made of an adapter_config.json. It means what the
/// file would, with PEFT's defaults for what it does not say.
/// </summary>
internal static class PeftTable
{
    private const string Name = "the given table";
    private const int MostDepth = 8;
    private static readonly string[] Marks = ["peft_type", "r", "lora_alpha", "target_modules"];

    /// <summary>Whether a hashtable or a custom object has keys of PEFT's that a configuration of the module does not have.</summary>
    public static bool Is(object value) => Entries(value)?.Any(entry => Marks.Contains(entry.Key, StringComparer.Ordinal)) == true;

    /// <summary>The configuration that it describes; keys that nobody knows are warned of.</summary>
    /// <exception cref="LoraException">What is wrong with it, as with a file.</exception>
    public static LoraConfig Read(object value, LoraCmdlet cmdlet)
    {
        JsonObject fields = (JsonObject)Node(value, 0)!;
        // LoraConfig sets it by itself in PEFT, so that nobody gives it as an argument; a file has it.
        fields.TryAdd("peft_type", "LORA");
        LoraConfig config = AdapterConfigJson.Parse(fields.ToJsonString(), Name);
        ConfigFile.WarnOfUnknownKeys(config, Name, cmdlet);
        return config;
    }

    private static IEnumerable<KeyValuePair<string, object?>>? Entries(object? value) => value switch
    {
        IDictionary table => table.Cast<DictionaryEntry>().Select(entry => KeyValuePair.Create($"{entry.Key}", entry.Value)),
        PSObject { BaseObject: PSCustomObject } bag => bag.Properties.Select(property => KeyValuePair.Create(property.Name, Members.Of(bag, property.Name))),
        _ => null,
    };

    // The depth has a bound since a table can hold itself.
    private static JsonNode? Node(object? value, int depth) => Argument.Plain(value) switch
    {
        null => null,
        string text => JsonValue.Create(text),
        bool or int or long => JsonSerializer.SerializeToNode(Argument.Plain(value)),
        double number when double.IsFinite(number) => JsonValue.Create(number),
        decimal number => JsonValue.Create(number),
        object other when depth < MostDepth && Entries(other) is IEnumerable<KeyValuePair<string, object?>> entries =>
            new JsonObject(entries.Select(entry => KeyValuePair.Create(entry.Key, Node(entry.Value, depth + 1)))),
        IEnumerable items when depth < MostDepth => new JsonArray([.. items.Cast<object?>().Select(item => Node(item, depth + 1))]),
        object other => JsonValue.Create(Convert.ToString(other, CultureInfo.InvariantCulture)),
    };
}
