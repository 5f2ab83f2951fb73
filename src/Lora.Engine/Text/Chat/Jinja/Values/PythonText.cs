using System.Globalization;
using System.Text;

namespace Lora.Text.Jinja;

/// <summary>Python's str() and repr().</summary>
internal static class PythonText
{
    public static string Str(Value value) => value switch
    {
        TextValue text => text.Text,
        UndefinedValue => "",
        _ => Repr(value),
    };

    public static string Repr(Value value)
    {
        StringBuilder output = new();
        Append(output, value);
        return output.ToString();
    }

    private static void Append(StringBuilder output, Value value)
    {
        switch (value)
        {
            case TextValue { IsSafe: true } text:
                output.Append("Markup(");
                AppendQuoted(output, text.Text);
                output.Append(')');
                break;
            case TextValue text:
                AppendQuoted(output, text.Text);
                break;
            case ListValue { Kind: ListKind.Range, Bounds: Bounds bounds }:
                output.Append(CultureInfo.InvariantCulture, $"range({bounds.Start}, {bounds.Stop}{(bounds.Step == 1 ? "" : $", {bounds.Step}")})");
                break;
            case ListValue list:
                AppendList(output, list);
                break;
            case MapValue map:
                output.Append('{');
                AppendPairs(output, map);
                output.Append('}');
                break;
            default:
                output.Append(Simple(value));
                break;
        }
    }

    private static string Simple(Value value) => value switch
    {
        NoneValue => "None",
        UndefinedValue => "Undefined",
        BooleanValue => value.IsTrue ? "True" : "False",
        IntegerValue integer => integer.Number.ToString(CultureInfo.InvariantCulture),
        FloatValue real => Numbers.Text(real.Number),
        _ => $"<{value.TypeName} object>",
    };

    private static void AppendList(StringBuilder output, ListValue list)
    {
        (string open, string close) = list.Kind switch
        {
            ListKind.Tuple => ("(", list.Members.Count == 1 ? ",)" : ")"),
            _ when list.IsView => ($"{list.TypeName}([", "])"),
            _ => ("[", "]"),
        };
        output.Append(open);
        for (int index = 0; index < list.Members.Count; index++)
        {
            output.Append(index > 0 ? ", " : "");
            Append(output, list.Members[index]);
        }

        output.Append(close);
    }

    private static void AppendPairs(StringBuilder output, MapValue map)
    {
        for (int index = 0; index < map.Pairs.Count; index++)
        {
            output.Append(index > 0 ? ", " : "");
            Append(output, map.Pairs[index].Key);
            output.Append(": ");
            Append(output, map.Pairs[index].Value);
        }
    }

    private static void AppendQuoted(StringBuilder output, string text)
    {
        // As repr() chooses: double quotes only where they spare an escape.
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        output.Append(quote);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\\' => output.Append("\\\\"),
                _ when rune.Value == quote => output.Append('\\').Append(quote),
                _ when IsPrintable(rune) => output.Append(rune.ToString()),
                <= 0xFF => output.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                <= 0xFFFF => output.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"),
                _ => output.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"),
            };
        }

        output.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.SpaceSeparator
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
