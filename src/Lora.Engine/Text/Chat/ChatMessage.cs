using System.Text.Json;
using Lora.Text;
using Lora.Text.Jinja;

namespace Lora;

/// <summary>One turn of a conversation: a role, a content and whatever else a template reads, such as tool_calls or reasoning_content.</summary>
public sealed class ChatMessage
{
    /// <summary>A turn of all that a template sees of it.</summary>
    internal ChatMessage(MapValue fields) => Fields = fields;

    /// <summary>A turn of a role and a text.</summary>
    /// <param name="role">Who speaks: system, user, assistant, tool.</param>
    /// <param name="content">The text.</param>
    public ChatMessage(string role, string content)
        : this(new MapValue([Field("role", role), Field("content", content)]))
    {
    }

    /// <summary>Who speaks; null where the turn does not say.</summary>
    public string? Role => (Fields.Find("role") as TextValue)?.Text;

    /// <summary>The text; null where the turn has none, or has parts.</summary>
    public string? Content => (Fields.Find("content") as TextValue)?.Text;

    /// <summary>The turn as templates see it.</summary>
    internal MapValue Fields { get; }

    /// <summary>The turn with other values of its fields.</summary>
    internal ChatMessage With(Func<string, Value, Value> change) =>
        new(new MapValue(Fields.Pairs.Select(field => field.Key is TextValue name ? new(name, change(name.Text, field.Value)) : field)));

    /// <summary>The turn with a field under another name.</summary>
    internal ChatMessage Renamed(string from, string to) =>
        new(new MapValue(Fields.Pairs.Select(field => field.Key is TextValue { Text: string name } && name == from ? new(new TextValue(to), field.Value) : field)));

    /// <summary>A turn of a JSON object, with all of its members.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.ChatMessageInvalid"/>: it is no object, or larger or deeper than a template takes.</exception>
    public static ChatMessage FromJson(JsonElement turn) => ChatValues.Of(turn, "the turn") is MapValue fields
        ? new ChatMessage(fields)
        : throw LoraException.Of(LoraError.ChatMessageInvalid, null, "the turn", $"it is {turn.ValueKind}; expected is an object");

    private static KeyValuePair<Value, Value> Field(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(new TextValue(name), new TextValue(value));
    }
}
