using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lora.Adapters;

/// <summary>JSON as Python's <c>json.dumps(value, indent=2, sort_keys=True)</c> writes it: ASCII only, no newline at the end.</summary>
internal static class PythonJson
{
    /// <param name="root">The object.</param>
    /// <param name="keepsOrder">The keys of the root whose objects are written in their own order.</param>
    public static string Write(JsonObject root, params string[] keepsOrder)
    {
        StringBuilder text = new();
        WriteObject(text, root, 0, key => !keepsOrder.Contains(key), sort: true);
        return text.ToString();
    }

    /// <summary>A number as Python prints a float: the shortest digits, with a point or an exponent.</summary>
    public static JsonNode Float(double value)
    {
        string digits = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        return Raw(double.IsInteger(value) && !digits.Contains('e', StringComparison.Ordinal) ? digits + ".0" : digits);
    }

    /// <summary>A number as Python prints an int when it is whole, otherwise as a float.</summary>
    public static JsonNode IntegerOrFloat(double value) =>
        double.IsInteger(value) && Math.Abs(value) < 1e15 ? Raw(((long)value).ToString(CultureInfo.InvariantCulture)) : Float(value);

    private static JsonNode Raw(string json) => JsonNode.Parse(json)!;

    private static void WriteNode(StringBuilder text, JsonNode? node, int depth, bool sort)
    {
        switch (node)
        {
            case null:
                text.Append("null");
                break;
            case JsonObject fields:
                WriteObject(text, fields, depth, _ => true, sort);
                break;
            case JsonArray items:
                WriteItems(text, items, '[', ']', depth, item => WriteNode(text, item, depth + 1, sort: true));
                break;
            default:
                WriteValue(text, node);
                break;
        }
    }

    private static void WriteObject(StringBuilder text, JsonObject fields, int depth, Func<string, bool> sortsBelow, bool sort)
    {
        IEnumerable<KeyValuePair<string, JsonNode?>> pairs = sort ? fields.OrderBy(pair => pair.Key, StringComparer.Ordinal) : fields;
        WriteItems(text, pairs, '{', '}', depth, pair =>
        {
            WriteString(text, pair.Key);
            text.Append(": ");
            WriteNode(text, pair.Value, depth + 1, sortsBelow(pair.Key));
        });
    }

    private static void WriteItems<T>(StringBuilder text, IEnumerable<T> items, char open, char close, int depth, Action<T> write)
    {
        text.Append(open);
        int count = 0;
        foreach (T item in items)
        {
            text.Append(count++ == 0 ? "\n" : ",\n").Append(' ', 2 * (depth + 1));
            write(item);
        }

        if (count > 0)
        {
            text.Append('\n').Append(' ', 2 * depth);
        }

        text.Append(close);
    }

    private static void WriteValue(StringBuilder text, JsonNode value)
    {
        if (value.GetValueKind() == JsonValueKind.String)
        {
            WriteString(text, value.GetValue<string>());
        }
        else
        {
            text.Append(value.ToJsonString());
        }
    }

    private static void WriteString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            switch (c)
            {
                case '"' or '\\':
                    text.Append('\\').Append(c);
                    break;
                case '\n':
                    text.Append("\\n");
                    break;
                case '\r':
                    text.Append("\\r");
                    break;
                case '\t':
                    text.Append("\\t");
                    break;
                case '\b':
                    text.Append("\\b");
                    break;
                case '\f':
                    text.Append("\\f");
                    break;
                case >= ' ' and <= '~':
                    text.Append(c);
                    break;
                default:
                    text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                    break;
            }
        }

        text.Append('"');
    }
}
