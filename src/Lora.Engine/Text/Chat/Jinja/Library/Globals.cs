namespace Lora.Text.Jinja;

/// <summary>The functions that every template finds.</summary>
internal static class Globals
{
    private const long MostRange = 100_000; // Jinja2's sandbox: MAX_RANGE

    /// <param name="scope">Where they go.</param>
    /// <param name="now">The local time, for strftime_now.</param>
    public static void Define(Scope scope, DateTimeOffset now)
    {
        Define(scope, "range", Range);
        Define(scope, "dict", arguments => new MapValue(Pairs(arguments)));
        Define(scope, "namespace", Namespace);
        Define(scope, "joiner", Joiner);
        Define(scope, "cycler", arguments => new CyclerValue(arguments.Positional));
        // These two are not Jinja2's: transformers adds them.
        Define(scope, "raise_exception", arguments => throw new JinjaFailure(PythonText.Str(arguments.Required(0, "message"))));
        Define(scope, "strftime_now", arguments => new TextValue(TimeFormat.Apply(arguments.Text(0, "format"), now)));
    }

    private static void Define(Scope scope, string name, Func<Arguments, Value> body) => scope.Set(name, new FunctionValue(name, body));

    private static ListValue Range(Arguments arguments)
    {
        long[] bounds = [.. arguments.Positional.Select(Numbers.Integer)];
        (long start, long stop, long step) = bounds.Length switch
        {
            1 => (0, bounds[0], 1),
            2 => (bounds[0], bounds[1], 1),
            3 when bounds[2] != 0 => (bounds[0], bounds[1], bounds[2]),
            _ => throw new JinjaFailure("range takes one to three integers, the third of them not 0"),
        };
        List<Value> members = [];
        // With a long the last step could go around to the negative numbers.
        for (Int128 number = start; step > 0 ? number < stop : number > stop; number += step)
        {
            arguments.Budget.Charge(1);
            members.Add(members.Count < MostRange ? new IntegerValue((long)number) : throw new JinjaFailure($"Range too big: {MostRange} is the most"));
        }

        return new ListValue(members, new Bounds(start, stop, step));
    }

    private static IEnumerable<KeyValuePair<Value, Value>> Pairs(Arguments arguments) =>
        [
            .. arguments.Optional(0, "") is MapValue map ? map.Pairs : [],
            .. arguments.Named.Select(pair => KeyValuePair.Create<Value, Value>(new TextValue(pair.Key), pair.Value)),
        ];

    private static NamespaceValue Namespace(Arguments arguments)
    {
        NamespaceValue made = new();
        foreach (KeyValuePair<Value, Value> pair in Pairs(arguments))
        {
            made.Set(PythonText.Str(pair.Key), pair.Value);
        }

        return made;
    }

    private static FunctionValue Joiner(Arguments arguments)
    {
        Value separator = arguments.Optional(0, "sep") ?? new TextValue(", ");
        bool isFirst = true;
        return new FunctionValue("joiner", _ =>
        {
            Value text = isFirst ? TextValue.Empty : separator;
            isFirst = false;
            return text;
        });
    }

    /// <summary>cycler(): its items again and again.</summary>
    private sealed class CyclerValue(IReadOnlyList<Value> items) : Value
    {
        private int place;

        public override string TypeName => "Cycler";

        private Value Current => items.Count > 0 ? items[place] : throw new JinjaFailure("at least one item has to be provided");

        public override Value? Attribute(string name) => name switch
        {
            "current" => Current,
            "next" => new FunctionValue(name, _ =>
            {
                Value current = Current;
                place = (place + 1) % items.Count;
                return current;
            }),
            "reset" => new FunctionValue(name, _ =>
            {
                place = 0;
                return NoneValue.Instance;
            }),
            _ => null,
        };
    }
}
