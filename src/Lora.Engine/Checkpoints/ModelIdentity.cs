using System.Text.Json;

namespace Lora.Checkpoints;

/// <summary>The few entries of config.json that say how modules are named and shared.</summary>
/// <param name="ModelType"><c>model_type</c>, for example <c>llama</c>; null when it is not known.</param>
/// <param name="Architecture">The first of <c>architectures</c>, for example <c>LlamaForCausalLM</c>; null when it is not known.</param>
/// <param name="TiesEmbeddings"><c>tie_word_embeddings</c>; null when the key is absent.</param>
/// <param name="Quantization"><c>quantization_config</c>; null when the key is absent.</param>
/// <param name="Blocks"><c>num_hidden_layers</c> of a model whose files hold further blocks (<c>num_nextn_predict_layers</c>); null of others.</param>
internal sealed record ModelIdentity(string? ModelType, string? Architecture, bool? TiesEmbeddings, StatedQuantization? Quantization, int? Blocks)
{
    private const long MostBytes = 100_000_000;

    private static readonly ModelIdentity Unknown = new(null, null, null, null, null);

    /// <summary>Reads a folder's config.json. Modules can be listed without it, so an absent or broken one is no error here.</summary>
    public static ModelIdentity Read(string folder)
    {
        try
        {
            using FileStream stream = RegularFile.Open(Path.Combine(folder, "config.json"), MostBytes);
            return Parse(stream);
        }
        catch (Exception exception) when (exception is LoraException or IOException)
        {
            return Unknown;
        }
    }

    /// <summary>Reads the text of a config.json; a broken one is no error here either.</summary>
    public static ModelIdentity Parse(Stream json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? Of(document.RootElement) : Unknown;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string is not UTF-8, or escapes half of a surrogate pair.
            return Unknown;
        }
    }

    private static ModelIdentity Of(JsonElement config)
    {
        string? architecture = config.TryGetProperty("architectures", out JsonElement names) && names.ValueKind == JsonValueKind.Array
            ? names.EnumerateArray().Select(Text).FirstOrDefault()
            : null;

        // Of a language model inside of another model its own configuration counts.
        JsonElement text = config.TryGetProperty("text_config", out JsonElement nested) && nested.ValueKind == JsonValueKind.Object ? nested : config;
        bool? ties = Flag(text, "tie_word_embeddings") ?? Flag(config, "tie_word_embeddings");
        int? blocks = Number(config, "num_nextn_predict_layers") > 0 ? Number(config, "num_hidden_layers") : null;
        return new(config.TryGetProperty("model_type", out JsonElement type) ? Text(type) : null, architecture, ties, StatedQuantization.Of(config), blocks);
    }

    private static bool? Flag(JsonElement config, string key) =>
        config.TryGetProperty(key, out JsonElement flag) && flag.ValueKind is JsonValueKind.True or JsonValueKind.False ? flag.GetBoolean() : null;

    private static int? Number(JsonElement config, string key) =>
        config.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : null;

    private static string? Text(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString() : null;
}
