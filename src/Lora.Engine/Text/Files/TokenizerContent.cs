using System.Text.Json;

namespace Lora.Text;

/// <summary>What a tokenizer's files say, whatever their form.</summary>
/// <param name="Stages">The normalizer, pre-tokenizer, post-processor and decoder, as tokenizer.json writes them.</param>
/// <param name="Model">The model.</param>
/// <param name="Added">The tokens that are found in the text as they stand.</param>
internal sealed record TokenizerContent(TokenizerNode Stages, TextModel Model, IReadOnlyList<AddedToken> Added)
{
    /// <summary>What a tokenizer.json says.</summary>
    public static TokenizerContent OfJson(TokenizerNode root) =>
        new(root, TextModel.Read(root.Child("model")), [.. (root.Optional("added_tokens")?.Items() ?? []).Select(AddedToken.Read)]);

    /// <summary>The same with special tokens behind the last.</summary>
    public TokenizerContent With(IReadOnlyList<string> names)
    {
        int first = Model.Entries.Select(entry => entry.Value).Concat(Added.Select(token => token.Id)).DefaultIfEmpty(-1).Max() + 1;
        return this with { Added = [.. Added, .. names.Select((name, index) => AddedToken.Plain(first + index, name, special: true))] };
    }

    /// <summary>A JSON object that is not in a file but made from one.</summary>
    public static TokenizerNode Made(string json, string file) => TokenizerNode.Root(JsonDocument.Parse(json), file);

    /// <summary>A template of special tokens around a text.</summary>
    /// <param name="before">The tokens before the text.</param>
    /// <param name="after">The tokens after it.</param>
    /// <param name="idOf">Finds their ids.</param>
    public static string Template(IReadOnlyList<string> before, IReadOnlyList<string> after, Func<string, int> idOf) => JsonSerializer.Serialize(new
    {
        type = "TemplateProcessing",
        single = (object[])[.. before.Select(Special), new { Sequence = new { id = "A" } }, .. after.Select(Special)],
        special_tokens = before.Concat(after).Distinct().ToDictionary(token => token, token => new { ids = (int[])[idOf(token)] }),
    });

    private static object Special(string token) => new { SpecialToken = new { id = token } };
}
