using System.Text;

namespace Lora.Text.Jinja;

/// <summary>Filters that make texts.</summary>
internal static class TextFilters
{
    public static Value Trim(Value input, Arguments arguments)
    {
        TextValue text = input as TextValue ?? new TextValue(PythonText.Str(input));
        return text.With(TextMethods.Strip(text.Text, arguments.Optional(0, "chars"), start: true, end: true));
    }

    public static Value Replace(Value input, Arguments arguments) => new TextValue(TextMethods.Replace(
        PythonText.Str(input), PythonText.Str(arguments.Required(0, "old")), PythonText.Str(arguments.Required(1, "new")), arguments.Integer(2, "count", -1), arguments.Budget));

    public static Value Join(Value input, Arguments arguments)
    {
        Value? path = arguments.Optional(1, "attribute") is Value given and not NoneValue ? given : null;
        string separator = PythonText.Str(arguments.Optional(0, "d") ?? TextValue.Empty);
        return Join(separator, Sequence.Each(input, arguments.Budget).Select(member => path is null ? member : Sequence.Follow(member, path)), arguments.Budget);
    }

    public static TextValue Join(string separator, IEnumerable<Value> members, Budget budget)
    {
        List<string> texts = [];
        foreach (Value member in members)
        {
            texts.Add(PythonText.Str(member));
            budget.Create(texts[^1].Length + separator.Length);
        }

        return new TextValue(string.Join(separator, texts));
    }

    public static Value Indent(Value input, Arguments arguments)
    {
        Value width = arguments.Optional(0, "width") ?? new IntegerValue(4);
        bool isBlankToo = arguments.Flag(2, "blank");
        string[] lines = PythonText.Str(input).Split('\n');
        long length = width is TextValue given ? given.Text.Length : Math.Max(0, Numbers.Small(width));
        arguments.Budget.Create(length * lines.Length);
        string pad = width is TextValue text ? text.Text : new string(' ', (int)length);
        for (int index = arguments.Flag(1, "first") ? 0 : 1; index < lines.Length; index++)
        {
            lines[index] = (lines[index].Length > 0 || isBlankToo ? pad : "") + lines[index];
        }

        return new TextValue(string.Join('\n', lines));
    }

    public static Value Center(Value input, Arguments arguments)
    {
        string text = PythonText.Str(input);
        int width = arguments.Integer(0, "width", 80);
        arguments.Budget.Create(width);
        int missing = Math.Max(0, width - new TextValue(text).Length);
        // CPython's str.center: of an odd rest one more space goes to the left where the width is odd.
        int left = (missing / 2) + (missing & width & 1);
        return new TextValue(new string(' ', left) + text + new string(' ', missing - left));
    }

    /// <summary>|title: words begin behind white space, a hyphen or an open bracket, where str.title() has them begin behind all but letters.</summary>
    public static string Title(string text)
    {
        StringBuilder result = new(text.Length);
        bool begins = true;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append((begins ? Rune.ToUpperInvariant(rune) : Rune.ToLowerInvariant(rune)).ToString());
            begins = TextMethods.IsSpace(rune) || rune.Value is '-' or '(' or '{' or '[' or '<';
        }

        return result.ToString();
    }

    public static Value Format(Value input, Arguments arguments) => new TextValue(PercentFormat.Apply(
        PythonText.Str(input),
        arguments.Named.Count > 0
            ? new MapValue(arguments.Named.Select(pair => KeyValuePair.Create<Value, Value>(new TextValue(pair.Key), pair.Value)))
            : new ListValue(arguments.Positional, ListKind.Tuple),
        arguments.Budget));

    public static Value Truncate(Value input, Arguments arguments)
    {
        TextValue text = new(PythonText.Str(input));
        int length = arguments.Integer(0, "length", 255);
        string end = arguments.Optional(2, "end") is Value given ? PythonText.Str(given) : "...";
        // What is longer by no more than the leeway stays whole: Jinja2's policy truncate.leeway, 5.
        if (text.Length <= length + arguments.Integer(3, "leeway", 5))
        {
            return text;
        }

        string kept = text.First(Math.Max(0, length - new TextValue(end).Length));
        int space = kept.LastIndexOf(' ');
        return new TextValue((arguments.Flag(1, "killwords") || space < 0 ? kept : kept[..space]) + end);
    }
}
