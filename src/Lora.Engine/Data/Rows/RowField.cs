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

    /// <summary>Whether there is nothing in it: null, a text without characters, a list without members.</summary>
    public bool IsEmpty => IsNull || (IsText ? Text.Length == 0 : IsList && json.GetArrayLength() == 0);

    /// <summary>Whether it is a list of messages: objects with a role, or by whom they are.</summary>
    public bool IsMessages
    {
        get
        {
            if (!IsList || json.GetArrayLength() == 0)
            {
                return false;
            }

            foreach (JsonElement item in json.EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Object || !(item.TryGetProperty("role", out _) || item.TryGetProperty("from", out _)))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>True or false, which CSV has as words; null for anything else.</summary>
    public bool? Truth => text is not null ? (bool.TryParse(text, out bool truth) ? truth : null)
        : json.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null };

    /// <summary>The text.</summary>
    /// <exception cref="FormatException">It is not a string.</exception>
    public string Text => text ?? (IsText ? json.GetString()! : throw new FormatException($"{RowReading.Quoted(Name)} is not a string"));

    /// <summary>The value; of a text, as CSV and older files hold lists, the JSON in it.</summary>
    /// <exception cref="FormatException">The text is not JSON.</exception>
    public JsonElement Json => IsText ? RowReading.Parse(Text, Name) : json;

    /// <summary>The value as a list; an empty text is one without members.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public JsonElement List(string members)
    {
        JsonElement list = IsText && Text.Length == 0 ? RowReading.Parse("[]", Name) : Json;
        return list.ValueKind == JsonValueKind.Array ? list : throw new FormatException($"{RowReading.Quoted(Name)} is not a list of {members}");
    }
}
