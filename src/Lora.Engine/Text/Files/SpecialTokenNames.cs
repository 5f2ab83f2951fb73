using System.Text.Json;

namespace Lora.Text;

/// <summary>
/// Which tokens begin and end a sequence: tokenizer_config.json names them ("bos_token", "eos_token"), else generation_config.json or
/// config.json gives their ids ("bos_token_id", "eos_token_id": a number or a list, whose first counts).
/// </summary>
internal static class SpecialTokenNames
{
    /// <summary>The id of the token, or null where the folder does not say.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="name">The token's key, for example <c>eos_token</c>.</param>
    /// <param name="idOf">Finds a token in the vocabulary.</param>
    public static int? Find(string folder, string name, Func<string, int?> idOf)
    {
        if (Read(folder, "tokenizer_config.json", name) is TokenizerNode token)
        {
            string content = token.Element.ValueKind == JsonValueKind.Object ? token.Text("content") : token.Text();
            return idOf(content) ?? throw token.Invalid($"{token.Place} is '{content}', which the vocabulary lacks");
        }

        if ((Read(folder, "generation_config.json", name + "_id") ?? Read(folder, "config.json", name + "_id")) is not TokenizerNode id)
        {
            return null;
        }

        return id.Element.ValueKind == JsonValueKind.Array ? id.Items().FirstOrDefault(id).Number() : id.Number();
    }

    /// <summary>All ids that generation_config.json gives under a key, or config.json where it does not; none where neither does.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="key">The key, for example <c>eos_token_id</c>: a number or a list.</param>
    public static IReadOnlyList<int> Ids(string folder, string key) => (Read(folder, "generation_config.json", key) ?? Read(folder, "config.json", key)) switch
    {
        null => [],
        { Element.ValueKind: JsonValueKind.Array } list => [.. list.Items().Select(id => id.Number())],
        TokenizerNode id => [id.Number()],
    };

    private static TokenizerNode? Read(string folder, string fileName, string key)
    {
        string file = Path.Combine(folder, fileName);
        return File.Exists(file) ? TokenizerFile.Read(file).Optional(key) : null;
    }
}
