using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Export;

/// <summary>What the JSON files of a model say otherwise when its tensors are others; all else in them stays.</summary>
internal static class ModelJson
{
    private const long MostBytes = 100_000_000;

    private static readonly JsonSerializerOptions Written = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>config.json with the vocabulary, the tie, the class and the labels of the merged model.</summary>
    /// <exception cref="LoraException">ConfigInvalid.</exception>
    public static string Config(string path, MergedLayout layout) => Changed(path, config =>
    {
        // Models of several parts have the language model's shape in one of its own.
        JsonObject text = config.ContainsKey("vocab_size") || config["text_config"] is not JsonObject inner ? config : inner;
        if (layout.Vocabulary is not null)
        {
            text["vocab_size"] = layout.Vocabulary.Size;
        }

        if (layout.Head is MergedHead head)
        {
            if (config["architectures"] is JsonArray { Count: > 0 } classes && classes[0] is JsonValue name && name.TryGetValue(out string? architecture))
            {
                config["architectures"] = new JsonArray(head.Class(architecture));
            }

            if (head.Labels is not null)
            {
                LabelFile.Put(config, head.Labels);
            }
        }

        if (layout.IsUntied)
        {
            config["tie_word_embeddings"] = false;
            if (text.ContainsKey("tie_word_embeddings"))
            {
                text["tie_word_embeddings"] = false;
            }
        }
    });

    /// <summary>tokenizer_config.json with another chat template, where it has one.</summary>
    /// <exception cref="LoraException">ConfigInvalid.</exception>
    public static string ChatTemplate(string path, string text) => Changed(path, tokenizer =>
    {
        if (tokenizer.ContainsKey("chat_template"))
        {
            tokenizer["chat_template"] = text;
        }
    });

    /// <summary>The shard index with the tensors of the merged model.</summary>
    /// <param name="path">The base's index.</param>
    /// <param name="files">The names of the tensors that were added, with the files that hold them.</param>
    /// <param name="growth">Bytes by which the tensors grew.</param>
    /// <exception cref="LoraException">ConfigInvalid.</exception>
    public static string Index(string path, IReadOnlyDictionary<string, string> files, long growth) => Changed(path, index =>
    {
        JsonObject map = index["weight_map"]!.AsObject();
        foreach ((string tensor, string file) in files)
        {
            map[tensor] = file;
        }

        if (index["metadata"] is JsonObject metadata && metadata["total_size"] is JsonValue size && size.TryGetValue(out long bytes))
        {
            metadata["total_size"] = bytes + growth;
        }
    });

    private static string Changed(string path, Action<JsonObject> change)
    {
        try
        {
            JsonObject fields = JsonNode.Parse(RegularFile.ReadAllText(path, MostBytes), documentOptions: new() { AllowDuplicateProperties = false })!.AsObject();
            change(fields);
            return fields.ToJsonString(Written) + "\n";
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw LoraException.From(exception, LoraError.ConfigInvalid, path, path, exception.Message.TrimEnd('.'));
        }
    }
}
