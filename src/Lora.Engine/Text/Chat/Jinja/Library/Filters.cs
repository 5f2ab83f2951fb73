namespace Lora.Text.Jinja;

/// <summary>What a filter does with its input and arguments.</summary>
internal delegate Value Filter(Value input, Arguments arguments);

/// <summary>Jinja2's filters by name, and tojson as chat templates have it: plain text, not ASCII alone.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Filter> Known = new(StringComparer.Ordinal)
    {
        ["abs"] = (input, _) => input is FloatValue real ? new FloatValue(Math.Abs(real.Number)) : Numbers.Integer(input) < 0 ? Operations.Negate(input) : input,
        // An attribute alone: a member of that name is not found, as it would be by a dot.
        ["attr"] = (input, arguments) => input.Attribute(arguments.Text(0, "name")) ?? new UndefinedValue($"'{input.TypeName} object' has no such attribute"),
        ["batch"] = SequenceFilters.Batch,
        ["capitalize"] = (input, _) => new TextValue(TextMethods.Capitalize(PythonText.Str(input))),
        ["center"] = TextFilters.Center,
        ["count"] = (input, _) => Sequence.Length(input),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = SequenceFilters.SortPairs,
        ["e"] = (input, _) => Escape(input),
        ["escape"] = (input, _) => Escape(input),
        ["first"] = (input, _) => input.Items().FirstOrDefault() ?? new UndefinedValue("No first item, sequence was empty."),
        ["float"] = NumberFilters.Float,
        ["forceescape"] = (input, _) => new TextValue(Markup.Escape(PythonText.Str(input)), isSafe: true),
        ["format"] = TextFilters.Format,
        ["groupby"] = SequenceFilters.GroupBy,
        ["indent"] = TextFilters.Indent,
        ["int"] = NumberFilters.Integer,
        ["items"] = (input, _) => SequenceFilters.Pairs(input),
        ["join"] = TextFilters.Join,
        ["last"] = SequenceFilters.Last,
        ["length"] = (input, _) => Sequence.Length(input),
        ["list"] = (input, arguments) => new ListValue(Sequence.Read(input, arguments.Budget)),
        ["lower"] = (input, _) => new TextValue(PythonText.Str(input).ToLowerInvariant()),
        ["map"] = SelectionFilters.Map,
        ["max"] = (input, arguments) => SequenceFilters.Extreme(input, arguments, sign: 1),
        ["min"] = (input, arguments) => SequenceFilters.Extreme(input, arguments, sign: -1),
        ["reject"] = (input, arguments) => SelectionFilters.Select(input, arguments, wanted: false),
        ["rejectattr"] = (input, arguments) => SelectionFilters.SelectByAttribute(input, arguments, wanted: false),
        ["replace"] = TextFilters.Replace,
        ["reverse"] = SequenceFilters.Reverse,
        ["round"] = NumberFilters.Round,
        ["safe"] = (input, _) => new TextValue(PythonText.Str(input), isSafe: true),
        ["select"] = (input, arguments) => SelectionFilters.Select(input, arguments, wanted: true),
        ["selectattr"] = (input, arguments) => SelectionFilters.SelectByAttribute(input, arguments, wanted: true),
        ["sort"] = SequenceFilters.Sort,
        ["string"] = (input, _) => input as TextValue ?? new TextValue(PythonText.Str(input)),
        ["sum"] = SequenceFilters.Sum,
        ["title"] = (input, _) => new TextValue(TextFilters.Title(PythonText.Str(input))),
        ["tojson"] = (input, arguments) => new TextValue(PythonJson.Write(input, arguments)),
        ["trim"] = TextFilters.Trim,
        ["truncate"] = TextFilters.Truncate,
        ["unique"] = SequenceFilters.Unique,
        ["upper"] = (input, _) => new TextValue(PythonText.Str(input).ToUpperInvariant()),
        // Python's quote() leaves the slash.
        ["urlencode"] = (input, _) => new TextValue(Uri.EscapeDataString(PythonText.Str(input)).Replace("%2F", "/", StringComparison.Ordinal)),
        ["wordcount"] = (input, _) => new IntegerValue(PythonText.Str(input).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length),
    };

    public static Filter? Find(string name) => Known.GetValueOrDefault(name);

    private static TextValue Escape(Value input) => input is TextValue { IsSafe: true } text ? text : new TextValue(Markup.Escape(PythonText.Str(input)), isSafe: true);

    private static Value Default(Value input, Arguments arguments) =>
        input is UndefinedValue || (arguments.Flag(1, "boolean") && !input.IsTrue) ? arguments.Optional(0, "default_value") ?? TextValue.Empty : input;
}
