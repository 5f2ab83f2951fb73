using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Lora.Text.Jinja;

/// <summary>Python's printf-style formatting, <c>"%s of %d" % (a, b)</c>.</summary>
internal static partial class PercentFormat
{
    // Python takes any width: a template of ten characters could ask for gigabytes of spaces.
    private const int MostWidth = 1000;

    public static string Apply(string format, Value values, Budget budget)
    {
        IReadOnlyList<Value> members = values is ListValue { Kind: ListKind.Tuple } tuple ? tuple.Members : [values];
        int used = 0;
        int at = 0;
        StringBuilder result = new();
        while (format.IndexOf('%', at) is >= 0 and int sign)
        {
            Match match = Conversion().Match(format, sign);
            if (!match.Success)
            {
                throw new JinjaFailure("unsupported format character");
            }

            result.Append(format, at, sign - at);
            at = sign + match.Length;
            string text = match.Groups["type"].Value == "%" ? "%" : Pad(Convert(match, Next(match)), match);
            budget.Create(text.Length);
            result.Append(text);
        }

        // Python takes what brackets may be put behind for a mapping, of which a format may leave all aside.
        bool isMapping = values is MapValue or UndefinedValue or ListValue { Kind: ListKind.List or ListKind.Range };
        return used < members.Count && !isMapping
            ? throw new JinjaFailure("not all arguments converted during string formatting")
            : result.Append(format, at, format.Length - at).ToString();

        Value Next(Match match)
        {
            if (match.Groups["key"].Success)
            {
                string key = match.Groups["key"].Value;
                return (values as MapValue)?.Find(key) ?? throw new JinjaFailure($"the format asks for '{key}'");
            }

            return used < members.Count ? members[used++] : throw new JinjaFailure("not enough arguments for format string");
        }
    }

    private static string Convert(Match match, Value value)
    {
        int? places = match.Groups["places"].Success ? Math.Min(Number(match.Groups["places"].Value), MostWidth) : null;
        char type = match.Groups["type"].Value[0];
        return type switch
        {
            's' or 'r' or 'a' => Cut(type == 's' ? PythonText.Str(value) : PythonText.Repr(value), places),
            'f' or 'F' => Numbers.Float(value).ToString("F" + (places ?? 6).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            'x' => Whole(value).ToString("x", CultureInfo.InvariantCulture),
            'X' => Whole(value).ToString("X", CultureInfo.InvariantCulture),
            'c' => PythonText.Str(value),
            _ => Whole(value).ToString(CultureInfo.InvariantCulture),
        };
    }

    // %d takes a float and cuts it off, as in Python.
    private static long Whole(Value value) => value is FloatValue real ? Numbers.Truncate(real.Number).Number : Numbers.Integer(value);

    private static string Cut(string text, int? places) => places is int most ? new TextValue(text).First(most) : text;

    private static string Pad(string text, Match match)
    {
        string flags = match.Groups["flags"].Value;
        int width = Math.Min(Number(match.Groups["width"].Value), MostWidth);
        bool isNumber = match.Groups["type"].Value is not ("s" or "r" or "a" or "c");
        // The width counts code points, what pads here UTF-16 units.
        width += text.Length - new TextValue(text).Length;
        string signed = isNumber && flags.Contains('+', StringComparison.Ordinal) && !text.StartsWith('-') ? "+" + text : text;
        if (flags.Contains('-', StringComparison.Ordinal))
        {
            return signed.PadRight(width);
        }

        if (!isNumber || !flags.Contains('0', StringComparison.Ordinal))
        {
            return signed.PadLeft(width);
        }

        int sign = signed.StartsWith('-') || signed.StartsWith('+') ? 1 : 0;
        return signed[..sign] + signed[sign..].PadLeft(Math.Max(0, width - sign), '0');
    }

    // A template may state more digits than an int holds; the width is held to MostWidth in any case.
    private static int Number(string digits) => digits.Length == 0 ? 0 : digits.Length > 6 ? MostWidth : int.Parse(digits, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\G%(\((?<key>[^)]*)\))?(?<flags>[-+ 0#]*)(?<width>[0-9]*)(\.(?<places>[0-9]*))?(?<type>[srdiufFxXca%])", RegexOptions.CultureInvariant)]
    private static partial Regex Conversion();
}
