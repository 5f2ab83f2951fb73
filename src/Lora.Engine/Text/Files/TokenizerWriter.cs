using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Checkpoints;

namespace Lora.Text;

/// <summary>Writes a byte-level tokenizer in Hugging Face's format.</summary>
internal static class TokenizerWriter
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    /// <summary>Writes tokenizer.json and tokenizer_config.json: both or, on failure, neither.</summary>
    /// <exception cref="LoraException">OutputFailed: the system refused to write.</exception>
    public static void Write(string folder, BytePairTraining training, IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges)
    {
        try
        {
            using StagedFolder stage = new(folder);
            stage.WriteText("tokenizer.json", Text(new()
            {
                ["version"] = "1.0",
                ["truncation"] = null,
                ["padding"] = null,
                ["added_tokens"] = new JsonArray([.. training.SpecialTokens.Select(Special)]),
                ["normalizer"] = null,
                ["pre_tokenizer"] = ByteLevel(),
                ["post_processor"] = BeginWith(training.BeginToken),
                ["decoder"] = ByteLevel(),
                ["model"] = Model(tokens, merges),
            }));
            stage.WriteText("tokenizer_config.json", Text(new()
            {
                ["tokenizer_class"] = "PreTrainedTokenizerFast",
                ["bos_token"] = training.BeginToken,
                ["eos_token"] = training.EndToken,
                // transformers would take spaces before punctuation out of what it decodes, unless told.
                ["clean_up_tokenization_spaces"] = false,
            }));
            stage.Publish();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, folder, folder, exception.Message);
        }
    }

    private static JsonObject Special(string token, int id) => new()
    {
        ["id"] = id,
        ["content"] = token,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };

    private static JsonObject ByteLevel() => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = false,
        ["trim_offsets"] = true,
        ["use_regex"] = true,
    };

    /// <summary>A template with the begin token, whose id is 0, before a text and before each of a pair.</summary>
    private static JsonObject BeginWith(string token)
    {
        JsonObject Begin(int sequence) => new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = sequence } };
        JsonObject Text(string name, int sequence) => new() { ["Sequence"] = new JsonObject { ["id"] = name, ["type_id"] = sequence } };
        return new()
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(Begin(0), Text("A", 0)),
            ["pair"] = new JsonArray(Begin(0), Text("A", 0), Begin(1), Text("B", 1)),
            ["special_tokens"] = new JsonObject
            {
                [token] = new JsonObject { ["id"] = token, ["ids"] = new JsonArray(0), ["tokens"] = new JsonArray(token) },
            },
        };
    }

    private static JsonObject Model(IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges) => new()
    {
        ["type"] = "BPE",
        ["dropout"] = null,
        ["unk_token"] = null,
        ["continuing_subword_prefix"] = null,
        ["end_of_word_suffix"] = null,
        ["fuse_unk"] = false,
        ["byte_fallback"] = false,
        ["ignore_merges"] = false,
        ["vocab"] = new JsonObject(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))),
        // The older way, which every version of tokenizers reads; byte-level tokens have no space in them.
        ["merges"] = new JsonArray([.. merges.Select(merge => JsonValue.Create($"{merge.Left} {merge.Right}"))]),
    };

    private static string Text(JsonObject content) => content.ToJsonString(Format) + "\n";
}
