using System.Text;
using System.Text.Json;
using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>What a message says: a text, or parts that are joined with nothing between them.</summary>
internal sealed class MessageContent
{
    private readonly StringBuilder text = new();
    private readonly StringBuilder reasoning = new();
    private string? whole;

    private MessageContent()
    {
    }

    public string Text => whole ?? text.ToString();

    public string? Reasoning => reasoning.Length == 0 ? null : reasoning.ToString();

    /// <summary>Tools that are called.</summary>
    public List<MapValue> Calls { get; } = [];

    /// <summary>What tools gave.</summary>
    public List<Turn> Results { get; } = [];

    /// <summary>Reads a text, a list of parts, or an object that has one.</summary>
    /// <exception cref="FormatException">It is something else, or a part is not text.</exception>
    public static MessageContent Read(JsonElement content, string column, DatasetFile file)
    {
        MessageContent read = new();
        switch (content.ValueKind)
        {
            case JsonValueKind.String:
                read.whole = content.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement part in content.EnumerateArray())
                {
                    read.Add(part, column, file);
                }

                break;
            // Gemini's systemInstruction is such an object.
            case JsonValueKind.Object when content.TryGetProperty("parts", out JsonElement parts) && parts.ValueKind == JsonValueKind.Array:
                return Read(parts, column, file);
            default:
                throw new FormatException("\"content\" of a message is not a string, and not a list of parts");
        }

        return read;
    }

    private void Add(JsonElement part, string column, DatasetFile file)
    {
        if (part.ValueKind == JsonValueKind.String)
        {
            text.Append(part.GetString());
            return;
        }

        if (part.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("a part of a message is neither text nor an object");
        }

        // Gemini's parts have no type.
        string type = Find(part, "type") is { ValueKind: JsonValueKind.String } named ? named.GetString()! : Find(part, "text") is not null ? "text" : Keys(part);
        switch (type)
        {
            // OpenAI's Responses have the two longer names.
            case "text" or "input_text" or "output_text":
                text.Append(Said(part, type, "text", "value"));
                break;
            case "reasoning" or "thinking":
                reasoning.Append(Said(part, type, "reasoning", "thinking", "text", "value"));
                break;
            // In Anthropic's messages calls and results are parts, where others have fields and messages of their own.
            case "tool_use":
                Calls.Add(ToolCalls.Call(part, "input"));
                break;
            case "tool_result":
                Results.Add(new Turn(ChatRoles.Tool)
                {
                    CallId = Find(part, "tool_use_id") is JsonElement id ? ToolCalls.Name(id, "tool_use_id") : null,
                    Content = Find(part, "content") is JsonElement content ? Read(content, column, file).Text : "",
                });
                break;
            default:
                throw new FormatException($"a message has a part of type {RowReading.Quoted(type)}; only text is learned from, and an answer without what it is about would be wrong");
        }
    }

    private static string Said(JsonElement part, string type, params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (Find(part, key) is { ValueKind: JsonValueKind.String } said)
            {
                return said.GetString()!;
            }
        }

        throw new FormatException($"a part of type {RowReading.Quoted(type)} has no text");
    }

    private static string Keys(JsonElement part) => string.Join(", ", part.EnumerateObject().Select(member => member.Name));

    private static JsonElement? Find(JsonElement part, string key) =>
        part.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
