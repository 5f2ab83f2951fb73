using System.Buffers;
using System.Text.Json;
using Lora.Text;
using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>Tools and their calls in the form that chat templates take: <c>{type: function, function: {name, ...}}</c>, with arguments as an object.</summary>
internal static class ToolCalls
{
    private const string Function = "function";

    /// <summary>The calls of a list, or the one that is an object; either may be JSON in a string.</summary>
    /// <exception cref="FormatException">What is wrong with a call.</exception>
    public static List<MapValue> Read(JsonElement calls, string name)
    {
        JsonElement parsed = calls.ValueKind == JsonValueKind.String ? RowReading.Parse(calls.GetString()!, name) : calls;
        return parsed.ValueKind switch
        {
            JsonValueKind.Array => [.. parsed.EnumerateArray().Select(call => Call(call, "arguments"))],
            JsonValueKind.Object => [Call(parsed, "arguments")],
            _ => throw new FormatException($"{RowReading.Quoted(name)} is no call of a tool and no list of calls"),
        };
    }

    /// <summary>A call, whose id, where it has one, stands beside the function.</summary>
    /// <param name="call">The call.</param>
    /// <param name="arguments">The key of its arguments.</param>
    public static MapValue Call(JsonElement call, string arguments)
    {
        JsonElement function = Find(call, Function) ?? call;
        string name = Find(function, "name") is JsonElement named ? Name(named, "name") : throw new FormatException("a call of a tool has no \"name\"");
        List<KeyValuePair<Value, Value>> fields = [];
        if (Find(call, "id") is JsonElement id)
        {
            fields.Add(Field("id", new TextValue(Name(id, "id"))));
        }

        fields.Add(Field("type", new TextValue(Function)));
        fields.Add(Field(Function, new MapValue([Field("name", new TextValue(name)), Field("arguments", Arguments(Find(function, arguments), name))])));
        return new MapValue(fields);
    }

    /// <summary>The tools of a column, a list or the same as JSON in a string; null for none. Those that are bare are put into their frame.</summary>
    /// <exception cref="FormatException">What is wrong with a tool.</exception>
    public static JsonElement? Tools(RowField column)
    {
        // Parsed again, for that bounds its depth.
        JsonElement list = RowReading.Parse(column.List("tools").GetRawText(), column.Name);
        if (list.GetArrayLength() == 0)
        {
            return null;
        }

        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartArray();
            foreach (JsonElement tool in list.EnumerateArray())
            {
                Write(json, tool, column.Name);
            }

            json.WriteEndArray();
        }

        return JsonElement.Parse(buffer.WrittenSpan);
    }

    /// <summary>A text of a call.</summary>
    public static string Name(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new FormatException($"{RowReading.Quoted(key)} of a call is not a string");

    private static void Write(Utf8JsonWriter json, JsonElement tool, string column)
    {
        bool isFramed = Find(tool, Function) is not null;
        if (Find(Find(tool, Function) ?? tool, "name") is not { ValueKind: JsonValueKind.String })
        {
            throw new FormatException($"{RowReading.Quoted(column)} has a tool without a \"name\"");
        }

        if (isFramed)
        {
            tool.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        json.WriteString("type", Function);
        json.WritePropertyName(Function);
        tool.WriteTo(json);
        json.WriteEndObject();
    }

    private static Value Arguments(JsonElement? arguments, string call)
    {
        // An object is parsed again, too.
        string text = arguments switch { null => "{}", { ValueKind: JsonValueKind.String } json => json.GetString()!, JsonElement given => given.GetRawText() };
        try
        {
            JsonElement parsed = JsonElement.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return parsed.ValueKind == JsonValueKind.Object ? ChatValues.Of(parsed, "the arguments of a call") : throw new JsonException();
        }
        catch (JsonException)
        {
            throw new FormatException($"the \"arguments\" of a call of {RowReading.Quoted(call)} are not a JSON object");
        }
        catch (LoraException exception)
        {
            throw new FormatException(exception.Message, exception);
        }
    }

    private static JsonElement? Find(JsonElement item, string key) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static KeyValuePair<Value, Value> Field(string name, Value value) => new(new TextValue(name), value);
}
