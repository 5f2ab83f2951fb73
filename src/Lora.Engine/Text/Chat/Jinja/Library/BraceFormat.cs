using System.Globalization;
using System.Text;

namespace Lora.Text.Jinja;

/// <summary>Python's str.format: <c>{}</c>, <c>{0}</c>, <c>{name}</c>, with members by dot and brackets, <c>!r</c>, and a width or places.</summary>
internal static class BraceFormat
{
    private const string Unsupported = "a format has a specification that is not supported";

    public static string Apply(string format, Arguments arguments)
    {
        StringBuilder result = new();
        int automatic = 0;
        for (int at = 0; at < format.Length; at++)
        {
            char character = format[at];
            bool isDoubled = at + 1 < format.Length && format[at + 1] == character;
            if (character is '{' or '}' && isDoubled)
            {
                result.Append(character);
                at++;
            }
            else if (character == '{')
            {
                int end = format.IndexOf('}', at);
                string text = end < 0 ? throw new JinjaFailure("a format has an open brace") : Field(format[(at + 1)..end], arguments, ref automatic);
                arguments.Budget.Create(text.Length);
                result.Append(text);
                at = end;
            }
            else
            {
                result.Append(character == '}' ? throw new JinjaFailure("a format has a single '}'") : character);
            }
        }

        return result.ToString();
    }

    private static string Field(string field, Arguments arguments, ref int automatic)
    {
        (string head, string specification) = field.IndexOf(':', StringComparison.Ordinal) is >= 0 and int colon ? (field[..colon], field[(colon + 1)..]) : (field, "");
        bool isRepr = head.EndsWith("!r", StringComparison.Ordinal);
        string path = isRepr || head.EndsWith("!s", StringComparison.Ordinal) ? head[..^2] : head;
        int first = path.AsSpan().IndexOfAny('.', '[') is >= 0 and int place ? place : path.Length;
        string name = path[..first];
        Value value = name.Length == 0 ? arguments.Optional(automatic++, "") ?? throw Missing(name)
            : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? arguments.Optional(index, name) ?? throw Missing(name)
            : arguments.Named.GetValueOrDefault(name) ?? throw Missing(name);
        foreach (string part in path[first..].Split(['.', '[', ']'], StringSplitOptions.RemoveEmptyEntries))
        {
            value = Sequence.Follow(value, new TextValue(part));
        }

        return specification.Length == 0 ? (isRepr ? PythonText.Repr(value) : PythonText.Str(value)) : Specified(value, specification, arguments.Budget);
    }

    /// <summary>A specification that printf has too: a width, zeros before a number, places of a float.</summary>
    private static string Specified(Value value, string specification, Budget budget)
    {
        string converted = specification switch
        {
            _ when specification[^1] is 'd' or 's' or 'f' or 'x' or 'X' => specification,
            _ when value is TextValue => specification + "s",
            _ when value is IntegerValue => specification + "d",
            _ => throw new JinjaFailure(Unsupported),
        };
        // Python aligns texts to the left and numbers to the right where nothing is said.
        string flags = converted[0] == '<' || value is TextValue ? "-" : "";
        bool isPlain = converted.TrimStart('<', '>').All(character => char.IsAsciiLetterOrDigit(character) || character == '.');
        return isPlain && !(value is TextValue && converted[0] == '>')
            ? PercentFormat.Apply("%" + flags + converted.TrimStart('<', '>'), new ListValue([value], ListKind.Tuple), budget)
            : throw new JinjaFailure(Unsupported);
    }

    private static JinjaFailure Missing(string name) => new($"the format asks for an argument '{name}' that is not there");
}
