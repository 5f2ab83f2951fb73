using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>A message while it is read: calls that follow it in turns of their own come to it.</summary>
internal sealed class Turn(string role)
{
    public string Role => role;

    public string Content { get; set; } = "";

    public string? Name { get; init; }

    public string? CallId { get; init; }

    public string? Reasoning { get; set; }

    public List<MapValue> Calls { get; } = [];

    /// <summary>What the file says of it; null for nothing.</summary>
    public bool? IsLearned { get; set; }

    /// <summary>The message as templates see it: what it does not have is not there.</summary>
    public ChatTurn Build()
    {
        List<KeyValuePair<Value, Value>> fields = [Field("role", role), Field("content", Content)];
        Add(fields, "name", Name);
        Add(fields, "reasoning_content", Reasoning);
        if (Calls.Count > 0)
        {
            fields.Add(new(new TextValue("tool_calls"), new ListValue(Calls)));
        }

        Add(fields, "tool_call_id", CallId);
        return new(new ChatMessage(new MapValue(fields)), IsLearned);
    }

    private static void Add(List<KeyValuePair<Value, Value>> fields, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            fields.Add(Field(name, value));
        }
    }

    private static KeyValuePair<Value, Value> Field(string name, string value) => new(new TextValue(name), new TextValue(value));
}
