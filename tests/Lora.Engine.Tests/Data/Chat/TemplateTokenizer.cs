using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lora.Text;

namespace Lora.Tests.Data.Chat;

/// <summary>A tokenizer of the fixtures that has the special tokens of a chat template's model too.</summary>
internal static partial class TemplateTokenizer
{
    /// <summary>The special tokens that texts of a template spell.</summary>
    public static IEnumerable<string> Tokens(IEnumerable<string> texts) => texts.SelectMany(text => Marker().Matches(text).Select(match => match.Value)).Distinct(StringComparer.Ordinal);

    /// <summary>The tokenizer; the file is gone when it is read.</summary>
    public static Tokenizer With(IEnumerable<string> tokens, string fixture = "byte-level-digits", string end = "</s>")
    {
        JsonObject root = JsonNode.Parse(File.ReadAllText(Repository.Fixture("tokenizers", fixture, "tokenizer.json")))!.AsObject();
        JsonArray added = root["added_tokens"]!.AsArray();
        int id = added.Select(token => (int)token!["id"]!).Concat(root["model"]!["vocab"]!.AsObject().Select(entry => (int)entry.Value!)).Max();
        HashSet<string> known = [.. added.Select(token => (string)token!["content"]!)];
        foreach (string token in tokens.Append("<s>").Append(end).Where(known.Add))
        {
            added.Add(new JsonObject { ["id"] = ++id, ["content"] = token, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true });
        }

        using TemporaryFolder folder = new();
        folder.Write("tokenizer.json", root.ToJsonString());
        folder.Write("tokenizer_config.json", JsonSerializer.Serialize(new { eos_token = end }));
        return Tokenizer.Load(folder.Path);
    }

    [GeneratedRegex(@"<\|[^|<>\s]+\|>|<｜[^｜<>]+｜>|</?s>|<(start|end)_of_turn>|\[/?[A-Z_]+\]|〈\|EOS\|〉|\[gMASK\]|<sop>|<SPECIAL_\d+>|\]~b\]|\[e~\[|</?assistant>|<\|turn>|<turn\|>")]
    private static partial Regex Marker();
}
