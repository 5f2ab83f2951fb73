using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lora.Text.Jinja;

/// <summary>Python's json.dumps() as chat templates have it, and JSON as values.</summary>
internal sealed class PythonJson(int? indent, string separator, string colon, bool ascii, bool sorted)
{
    private const int MostIndent = 64;

    private readonly StringBuilder output = new();

    /// <summary>|tojson, with the arguments of json.dumps: ensure_ascii, indent, separators, sort_keys.</summary>
    public static string Write(Value value, Arguments arguments)
    {
        Value? indent = arguments.Optional(1, "indent") is Value given and not NoneValue ? given : null;
        IReadOnlyList<Value>? separators = arguments.Optional(2, "separators") is ListValue { Size: 2 } list ? list.Members : null;
        int? width = indent is null ? null : Math.Clamp(Numbers.Small(indent), 0, MostIndent);
        PythonJson json = new(
            width,
            // json.dumps leaves the space behind a comma out where each member has a line of its own.
            separators is null ? (width is null ? ", " : ",") : PythonText.Str(separators[0]),
            separators is null ? ": " : PythonText.Str(separators[1]),
            arguments.Optional(0, "ensure_ascii") is { IsTrue: true },
            arguments.Optional(3, "sort_keys") is { IsTrue: true });
        json.Append(value, 0, arguments.Budget);
        return json.output.ToString();
    }

    /// <summary>The value of a piece of JSON.</summary>
    public static Value Read(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => NoneValue.Instance,
        JsonValueKind.True => BooleanValue.Of(true),
        JsonValueKind.False => BooleanValue.Of(false),
        JsonValueKind.String => new TextValue(element.GetString()!),
        JsonValueKind.Number => element.TryGetInt64(out long integer) ? new IntegerValue(integer) : new FloatValue(element.GetDouble()),
        JsonValueKind.Array => new ListValue([.. element.EnumerateArray().Select(Read)]),
        _ => new MapValue(element.EnumerateObject().Select(member => KeyValuePair.Create<Value, Value>(new TextValue(member.Name), Read(member.Value)))),
    };

    private void Append(Value value, int level, Budget budget)
    {
        budget.Step();
        switch (value)
        {
            case NoneValue:
                output.Append("null");
                break;
            case BooleanValue:
                output.Append(value.IsTrue ? "true" : "false");
                break;
            case IntegerValue integer:
                output.Append(integer.Number);
                break;
            case FloatValue real:
                output.Append(double.IsNaN(real.Number) ? "NaN" : double.IsInfinity(real.Number) ? (real.Number > 0 ? "Infinity" : "-Infinity") : Numbers.Text(real.Number));
                break;
            case TextValue text:
                AppendText(text.Text);
                break;
            case ListValue { Kind: ListKind.List or ListKind.Tuple } list:
                AppendMembers('[', ']', list.Members, level, budget, member => Append(member, level + 1, budget));
                break;
            case MapValue map:
                IEnumerable<KeyValuePair<Value, Value>> pairs = sorted ? Comparison.Sorted(map.Pairs, pair => pair.Key, isReversed: false, budget) : map.Pairs;
                AppendMembers('{', '}', [.. pairs], level, budget, pair =>
                {
                    AppendText(Key(pair.Key));
                    output.Append(colon);
                    Append(pair.Value, level + 1, budget);
                });
                break;
            default:
                throw new JinjaFailure($"Object of type {value.TypeName} is not JSON serializable");
        }
    }

    private void AppendMembers<T>(char open, char close, IReadOnlyCollection<T> members, int level, Budget budget, Action<T> append)
    {
        output.Append(open);
        bool first = true;
        foreach (T member in members)
        {
            output.Append(first ? "" : separator);
            AppendBreak(level + 1);
            append(member);
            first = false;
            if (output.Length > Budget.MostWeight)
            {
                budget.Create(output.Length);
            }
        }

        // json.dumps writes what is empty as [] or {} with an indent too.
        if (!first)
        {
            AppendBreak(level);
        }

        output.Append(close);
    }

    private void AppendBreak(int level)
    {
        if (indent is int width)
        {
            output.Append('\n').Append(' ', width * level);
        }
    }

    private static string Key(Value key) => key switch
    {
        TextValue text => text.Text,
        NoneValue => "null",
        BooleanValue => key.IsTrue ? "true" : "false",
        IntegerValue or FloatValue => PythonText.Str(key),
        _ => throw new JinjaFailure($"keys must be str, int, float, bool or None, not {key.TypeName}"),
    };

    private void AppendText(string text)
    {
        output.Append('"');
        foreach (char character in text)
        {
            _ = character switch
            {
                '"' => output.Append("\\\""),
                '\\' => output.Append("\\\\"),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\b' => output.Append("\\b"),
                '\f' => output.Append("\\f"),
                // DEL is escaped with those that are not ASCII, as json.dumps does.
                _ when character < ' ' || (ascii && character > '~') => output.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}"),
                _ => output.Append(character),
            };
        }

        output.Append('"');
    }
}
