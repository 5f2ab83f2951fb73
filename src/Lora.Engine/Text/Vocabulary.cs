using System.Text.Json;

namespace Lora.Text;

/// <summary>The model's tokens, with a quick way to those of one character.</summary>
internal sealed class Vocabulary
{
    public const int Absent = -1;

    // Covers the byte alphabet and Latin.
    private readonly int[] characters = new int[512];
    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup;

    /// <summary>Takes the tokens with their ids.</summary>
    public Vocabulary(Dictionary<string, int> ids)
    {
        this.ids = ids;
        lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int character = 0; character < characters.Length; character++)
        {
            characters[character] = ids.GetValueOrDefault(((char)character).ToString(), Absent);
        }
    }

    public Dictionary<string, int> Ids => ids;

    public static Vocabulary Read(TokenizerNode node)
    {
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in node.Of(JsonValueKind.Object, "an object").Element.EnumerateObject())
        {
            ids[entry.Name] = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out int id) && id >= 0
                ? id
                : throw node.Invalid($"the id of '{entry.Name}' in \"vocab\" is not a whole number");
        }

        return new(ids);
    }

    /// <summary>The id of a token, or <see cref="Absent"/>.</summary>
    public int Find(ReadOnlySpan<char> token) => token.Length == 1 && token[0] < characters.Length
        ? characters[token[0]]
        : lookup.TryGetValue(token, out int id) ? id : Absent;
}
