using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Checkpoints;
using Lora.Data;

namespace Lora.Adapters;

/// <summary>
/// labels.json beside a classifier's adapter: problem_type, id2label and label2id, as config.json of a model has them. PEFT keeps them nowhere, and a head
/// without the names of its labels is of little use.
/// </summary>
internal static class LabelFile
{
    /// <summary>The file's name.</summary>
    public const string Name = "labels.json";

    private const long MostBytes = 100_000_000;

    private static readonly JsonSerializerOptions Written = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly (LabelKind Kind, string Name)[] Kinds =
        [(LabelKind.One, "single_label_classification"), (LabelKind.Several, "multi_label_classification"), (LabelKind.Number, "regression")];

    /// <summary>The labels of an adapter's folder; null where it has none.</summary>
    /// <exception cref="LoraException">AdapterConfigInvalid.</exception>
    public static LabelSet? Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            JsonObject file = JsonNode.Parse(RegularFile.ReadAllText(path, MostBytes))!.AsObject();
            JsonObject names = file["id2label"]!.AsObject();
            string? problem = file["problem_type"]?.GetValue<string>();
            // By the ids and not in the file's order: Python's sorted keys have "10" before "2".
            string[] ordered = [.. Enumerable.Range(0, names.Count).Select(id => names[id.ToString(CultureInfo.InvariantCulture)]!.GetValue<string>())];
            return new(Kinds.FirstOrDefault(kind => kind.Name == problem).Kind, ordered);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            throw LoraException.From(exception, LoraError.AdapterConfigInvalid, path, path, "it is no list of labels: expected are problem_type and id2label");
        }
    }

    /// <summary>The text of the file.</summary>
    public static string Write(LabelSet labels) => Put(new JsonObject(), labels).ToJsonString(Written) + "\n";

    /// <summary>Puts the three entries into an object.</summary>
    public static JsonObject Put(JsonObject fields, LabelSet labels)
    {
        fields["problem_type"] = Kinds.First(kind => kind.Kind == labels.Kind).Name;
        fields["id2label"] = new JsonObject(labels.Names.Select((name, id) => KeyValuePair.Create<string, JsonNode?>(id.ToString(CultureInfo.InvariantCulture), name)));

        // Of two labels of one name the first keeps it.
        fields["label2id"] = new JsonObject(labels.Names.Select((name, id) => (name, id)).DistinctBy(entry => entry.name).Select(entry => KeyValuePair.Create<string, JsonNode?>(entry.name, entry.id)));
        return fields;
    }
}
