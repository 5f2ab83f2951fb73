using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Checkpoints;

namespace Lora.Text;

/// <summary>A tokenizer's files with special tokens added behind its last, as transformers writes them after add_special_tokens.</summary>
internal static class AddedTokenFiles
{
    /// <summary>The file that tokens are added to.</summary>
    public const string Main = "tokenizer.json";

    private const string Configuration = "tokenizer_config.json";
    private const string Map = "special_tokens_map.json";
    private const string Additional = "additional_special_tokens";
    private const long LongestFile = 1 << 28;

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    /// <summary>The names and texts of the files that change.</summary>
    /// <param name="folder">The folder of the tokenizer as it is.</param>
    /// <param name="names">The tokens.</param>
    /// <exception cref="LoraException">TokenizerMissing: there is no tokenizer.json; TokenizerInvalid.</exception>
    public static IReadOnlyList<(string Name, string Text)> Of(string folder, IReadOnlyList<string> names)
    {
        int first = Tokenizer.Load(folder).VocabularySize;
        string main = Path.Combine(folder, Main);
        if (!File.Exists(main))
        {
            throw LoraException.Of(LoraError.TokenizerMissing, folder, folder, Main);
        }

        List<(string, string)> files = [(Main, Changed(main, root =>
        {
            if (root["added_tokens"] is not JsonArray tokens)
            {
                root["added_tokens"] = tokens = [];
            }

            names.Select((name, index) => Token(name, first + index)).ToList().ForEach(tokens.Add);
        }))];
        string configuration = Path.Combine(folder, Configuration);
        files.Add((Configuration, Changed(File.Exists(configuration) ? configuration : null, root =>
        {
            Append(root, names);
            if (root["added_tokens_decoder"] is JsonObject decoder)
            {
                for (int index = 0; index < names.Count; index++)
                {
                    JsonObject token = Token(names[index], first + index);
                    token.Remove("id"); // it is the key here
                    decoder[$"{first + index}"] = token;
                }
            }
        })));
        if (File.Exists(Path.Combine(folder, Map)))
        {
            files.Add((Map, Changed(Path.Combine(folder, Map), root => Append(root, names))));
        }

        return files;
    }

    private static void Append(JsonObject root, IReadOnlyList<string> names)
    {
        // Copies: a node that stands in one array cannot be added to another.
        JsonArray all = root[Additional] is JsonArray own ? [.. own.Select(token => token?.DeepClone())] : [];
        names.ToList().ForEach(name => all.Add(JsonValue.Create(name)));
        root[Additional] = all;
    }

    private static JsonObject Token(string name, int id) => new()
    {
        ["id"] = id,
        ["content"] = name,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };

    private static string Changed(string? file, Action<JsonObject> change)
    {
        try
        {
            JsonObject root = file is null ? [] : JsonNode.Parse(RegularFile.ReadAllText(file, LongestFile))!.AsObject();
            change(root);
            return root.ToJsonString(Format) + "\n";
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw LoraException.From(exception, LoraError.TokenizerInvalid, file, file!, exception.Message.TrimEnd('.'));
        }
    }
}
