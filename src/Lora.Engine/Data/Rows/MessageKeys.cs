using System.Collections.Frozen;
using System.Text.Json;

namespace Lora.Data;

/// <summary>The keys of a message that mean something.</summary>
internal enum MessageKey
{
    Role,
    From,
    Content,
    Value,
    Parts,
    Name,
    ReasoningContent,
    Reasoning,
    Thinking,
    ToolCalls,
    FunctionCall,
    ToolCallId,
    Weight,
    Train,
    Loss,
    LossWeight,
    LossScale,
    TrainDetail,
    System,
    Human,
    User,
    Assistant,
}

/// <summary>The values of one message by its keys. What is null is not there; keys that mean nothing are noted.</summary>
internal sealed class MessageKeys
{
    // The keys of files are the names of the enum in lower case with underscores: tool_calls, reasoning_content.
    private static readonly string[] Names = [.. Enum.GetNames<MessageKey>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];
    private static readonly FrozenDictionary<string, int> Known = Names.Index().ToFrozenDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);

    private readonly JsonElement[] values = new JsonElement[Names.Length];
    private readonly DatasetFile file;
    private readonly string column;

    public MessageKeys(JsonElement message, string column, DatasetFile file)
    {
        this.file = file;
        this.column = column;
        if (message.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException($"{RowReading.Quoted(column)} holds something that is not a message, which is an object with a role and a content");
        }

        foreach (JsonProperty member in message.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Null)
            {
                continue;
            }

            if (!Known.TryGetValue(member.Name, out int key))
            {
                file.UnusedKey(column, member.Name);
            }
            else if (values[key].ValueKind == JsonValueKind.Undefined)
            {
                values[key] = member.Value;
            }
            else
            {
                throw new FormatException($"a message has {RowReading.Quoted(member.Name)} more than once");
            }
        }
    }

    /// <summary>The value of a key; null where it is not there.</summary>
    public JsonElement? this[MessageKey key] => values[(int)key] is { ValueKind: not JsonValueKind.Undefined } value ? value : null;

    /// <summary>The value of the first of some keys that says something, else of the first that is there; null where none is. Others are noted.</summary>
    public JsonElement? First(params ReadOnlySpan<MessageKey> keys)
    {
        int chosen = -1;
        foreach (MessageKey key in keys)
        {
            if (values[(int)key].ValueKind != JsonValueKind.Undefined && (chosen < 0 || IsEmpty(values[chosen])))
            {
                chosen = (int)key;
            }
        }

        foreach (MessageKey key in keys)
        {
            if ((int)key != chosen && values[(int)key].ValueKind != JsonValueKind.Undefined && !IsEmpty(values[(int)key]))
            {
                file.UnusedKey(column, Name(key));
            }
        }

        return chosen < 0 ? null : values[chosen];
    }

    /// <summary>The text of a key; null where it is not there.</summary>
    /// <exception cref="FormatException">It is not a string.</exception>
    public string? Text(params ReadOnlySpan<MessageKey> keys) => First(keys) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        _ => throw new FormatException($"{RowReading.Quoted(Name(keys[0]))} of a message is not a string"),
    };

    /// <summary>What the message says of whether it is learned; null for nothing.</summary>
    /// <exception cref="FormatException">It is neither 0 nor 1, true nor false, or its keys differ.</exception>
    public bool? Mark()
    {
        bool? mark = null;
        // The marks stand one after another in the enum.
        for (int key = (int)MessageKey.Weight; key <= (int)MessageKey.LossScale; key++)
        {
            JsonElement value = values[key];
            bool? said = value.ValueKind switch
            {
                JsonValueKind.Undefined => null,
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Number when value.GetDouble() is 0 or 1 => value.GetDouble() == 1,
                _ => throw new FormatException($"{RowReading.Quoted(Names[key])} of a message is neither 0 nor 1, true nor false: parts of a weight are not supported"),
            };
            mark = said is null || mark is null || said == mark ? mark ?? said : throw new FormatException("the keys of a message differ in whether it is learned");
        }

        return mark;
    }

    /// <summary>A key as files write it.</summary>
    public static string Name(MessageKey key) => Names[(int)key];

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.ValueEquals(""),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };
}
