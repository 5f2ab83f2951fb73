using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lora.Text;

namespace Lora.Tests.Data.Chat;

/// <summary>A tokenizer of the fixtures that has the special tokens of a chat template's model too.</summary>
internal static partial class TemplateTokenizer
{
    private const string End = "</s>";

    /// <summary>The special tokens that texts of a template spell.</summary>
    public static IEnumerable<string> Tokens(IEnumerable<string> texts) => texts.SelectMany(text => Marker().Matches(text).Select(match => match.Value)).Distinct(StringComparer.Ordinal);

    /// <summary>The tokenizer; the file is gone when it is read.</summary>
    /// <param name="tokens">Special tokens.</param>
    /// <param name="fixture">The tokenizer that they are added to.</param>
    /// <param name="plain">Added tokens that are not special.</param>
    /// <param name="normalized">Whether all of them are sought in normalized text.</param>
    public static Tokenizer With(IEnumerable<string> tokens, string fixture = "byte-level-digits", IEnumerable<string>? plain = null, bool normalized = false)
    {
        JsonObject root = JsonNode.Parse(File.ReadAllText(Repository.Fixture("tokenizers", fixture, "tokenizer.json")))!.AsObject();
        JsonArray added = root["added_tokens"]!.AsArray();
        int id = added.Select(token => (int)token!["id"]!).Concat(root["model"]!["vocab"]!.AsObject().Select(entry => (int)entry.Value!)).Max();
        HashSet<string> known = [.. added.Select(token => (string)token!["content"]!)];
        foreach ((string token, bool isSpecial) in tokens.Append("<s>").Append(End).Select(token => (token, true)).Concat((plain ?? []).Select(token => (token, false))).Where(token => known.Add(token.Item1)))
        {
            added.Add(new JsonObject { ["id"] = ++id, ["content"] = token, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = normalized, ["special"] = isSpecial });
        }

        using TemporaryFolder folder = new();
        folder.Write("tokenizer.json", root.ToJsonString());
        folder.Write("tokenizer_config.json", JsonSerializer.Serialize(new { eos_token = End }));
        return Tokenizer.Load(folder.Path);
    }

    [GeneratedRegex(@"<\|[^|<>\s]+\|>|<｜[^｜<>]+｜>|</?s>|<(start|end)_of_turn>|\[/?[A-Z_]+\]|〈\|EOS\|〉|\[gMASK\]|<sop>|<SPECIAL_\d+>|\]~b\]|\[e~\[|</?assistant>|<\|turn>|<turn\|>")]
    private static partial Regex Marker();
}
