using System.Text.Json;

namespace Lora.Bench;

/// <summary>A tokenizer.json with as many tokens, merges and added tokens as Gemma 3's, made of random letters.</summary>
internal static class LargeTokenizer
{
    public const int Tokens = 262_144;
    public const int Merges = 515_000;
    private const int Added = 6_400;

    public static void Write(string file)
    {
        (List<string> tokens, List<(string Left, string Right)> merges) = Make();
        using FileStream stream = File.Create(file);
        using Utf8JsonWriter json = new(stream, new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteStartArray("added_tokens");
        for (int id = 0; id < Added; id++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", tokens[id]);
            json.WriteBoolean("special", id < Added / 64);
            json.WriteBoolean("normalized", false);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteStartObject("vocab");
        for (int id = 0; id < tokens.Count; id++)
        {
            json.WriteNumber(tokens[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((string left, string right) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Added tokens, letters, and tokens that two earlier ones make; each is made in about two ways.</summary>
    private static (List<string> Tokens, List<(string Left, string Right)> Merges) Make()
    {
        const int FirstLetter = 0x0430;
        const int Letters = 2_000;
        const int Longest = 14;
        Random random = new(1);
        List<string> tokens = [.. Enumerable.Range(0, Added).Select(id => $"<unused{id}>"), .. Enumerable.Range(0, Letters).Select(index => ((char)(FirstLetter + index)).ToString())];
        HashSet<string> known = [.. tokens];
        List<(string, string)> merges = [];
        while (tokens.Count < Tokens)
        {
            (string left, string right) = (Any(), Any());
            if (left.Length + right.Length <= Longest && known.Add(left + right))
            {
                tokens.Add(left + right);
            }
        }

        foreach (string token in tokens.Skip(Added))
        {
            for (int at = 1; at < token.Length && merges.Count < Merges; at++)
            {
                if (known.Contains(token[..at]) && known.Contains(token[at..]))
                {
                    merges.Add((token[..at], token[at..]));
                }
            }
        }

        return (tokens, merges);

        // The earlier ones are parts of more.
        string Any() => tokens[Added + (int)((tokens.Count - Added) * Math.Pow(random.NextDouble(), 3))];
    }
}
