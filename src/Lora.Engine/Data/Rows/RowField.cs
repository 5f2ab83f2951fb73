using System.Text.Json;

namespace Lora.Data;

/// <summary>A column of one row: a value of JSON, or the text of a CSV field.</summary>
internal readonly struct RowField
{
    private readonly JsonElement json;
    private readonly string? text;

    /// <summary>A value of JSON; null counts as missing.</summary>
    public RowField(string name, JsonElement value)
    {
        Name = name.Trim();
        json = value;
    }

    /// <summary>A field of CSV: text, also where it is empty.</summary>
    public RowField(string name, string value)
    {
        Name = name;
        text = value;
    }

    /// <summary>The column's name without white space around it; letter case does not count.</summary>
    public string Name { get; }

    public bool IsNull => text is null && json.ValueKind == JsonValueKind.Null;

    public bool IsText => text is not null || json.ValueKind == JsonValueKind.String;

    public bool IsList => text is null && json.ValueKind == JsonValueKind.Array;

    /// <summary>Whether it is a list of messages: objects with a role, or by whom they are.</summary>
    public bool IsMessages => IsList && json.GetArrayLength() > 0 && json.EnumerateArray().All(item =>
        item.ValueKind == JsonValueKind.Object && (item.TryGetProperty("role", out _) || item.TryGetProperty("from", out _)));

    /// <summary>The text.</summary>
    /// <exception cref="FormatException">It is not a string.</exception>
    public string Text => text ?? (IsText ? json.GetString()! : throw new FormatException($"\"{Name}\" is not a string"));
}
