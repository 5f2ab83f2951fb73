using System.Text.Json;

namespace Lora.Text;

/// <summary>One JSON value of tokenizer.json that knows where it stands, so that each failure names the place.</summary>
internal readonly record struct TokenizerNode(JsonElement Element, string File, string Place)
{
    public string Type => Text("type");

    public static TokenizerNode Root(JsonDocument document, string file) =>
        new TokenizerNode(document.RootElement, file, "the file").Of(JsonValueKind.Object, "an object");

    /// <summary>A child that has to be there.</summary>
    public TokenizerNode Child(string name) => Optional(name) ?? throw Invalid($"{Place} has no \"{name}\"");

    /// <summary>A child, or null where it is absent or null.</summary>
    public TokenizerNode? Optional(string name) =>
        Of(JsonValueKind.Object, "an object").Element.TryGetProperty(name, out JsonElement child) && child.ValueKind != JsonValueKind.Null
            ? this with { Element = child, Place = $"\"{name}\"" }
            : null;

    public List<TokenizerNode> Items(string name) => Child(name).Items();

    public List<TokenizerNode> Items()
    {
        TokenizerNode self = Of(JsonValueKind.Array, "a list");
        return [.. self.Element.EnumerateArray().Select((item, index) => self with { Element = item, Place = $"{self.Place}[{index}]" })];
    }

    public string Text(string name) => Child(name).Text();

    public string Text() => Of(JsonValueKind.String, "a string").Element.GetString()!;

    public string? OptionalText(string name) => Optional(name)?.Text();

    public bool Flag(string name, bool absent = false) => Optional(name)?.Element.ValueKind switch
    {
        null => absent,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Invalid($"\"{name}\" is not true or false"),
    };

    public int Number(string name) => Child(name).Number();

    public int Number() =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out int number) && number >= 0 ? number : throw Invalid($"{Place} is not a whole number");

    public LoraException Invalid(string reason) => LoraException.Of(LoraError.TokenizerInvalid, File, File, reason);

    /// <summary>The failure of a part that this reader does not have.</summary>
    public LoraException Unsupported(string kind, string name) => LoraException.Of(LoraError.TokenizerUnsupported, File, File, kind, name);

    public TokenizerNode Of(JsonValueKind kind, string description) => Element.ValueKind == kind ? this : throw Invalid($"{Place} is not {description}");
}
