namespace Lora.Text.Jinja;

/// <summary>Filters that order, group and count members.</summary>
internal static class SequenceFilters
{
    public static Value Pairs(Value input) => input switch
    {
        UndefinedValue => new GeneratorValue([]),
        MapValue map => new GeneratorValue(map.Pairs.Select(MapValue.Pair)),
        _ => throw new JinjaFailure("Can only get item pairs from a mapping."),
    };

    public static Value SortPairs(Value input, Arguments arguments)
    {
        MapValue map = input as MapValue ?? throw new JinjaFailure($"dictsort takes a dict, not '{input.TypeName}'");
        bool byValue = arguments.Optional(1, "by") is TextValue { Text: "value" };
        bool isExact = arguments.Flag(0, "case_sensitive");
        return Sorted(map.Pairs.Select(MapValue.Pair), pair => Folded(((ListValue)pair).Members[byValue ? 1 : 0], isExact), arguments.Flag(2, "reverse"), arguments.Budget);
    }

    public static Value Sort(Value input, Arguments arguments)
    {
        bool isExact = arguments.Flag(1, "case_sensitive");
        Value? path = arguments.Optional(2, "attribute");
        return Sorted(input.Items(), member => Folded(Key(member, path), isExact), arguments.Flag(0, "reverse"), arguments.Budget);
    }

    public static Value GroupBy(Value input, Arguments arguments)
    {
        Value path = arguments.Required(0, "attribute");
        bool isExact = arguments.Flag(2, "case_sensitive");
        Value KeyOf(Value member) => Sequence.Follow(member, path) is Value key and not UndefinedValue ? key : arguments.Optional(1, "default") ?? NoneValue.Instance;
        ListValue sorted = Sorted(input.Items(), member => Folded(KeyOf(member), isExact), isReversed: false, arguments.Budget);
        List<Value> groups = [];
        for (int start = 0; start < sorted.Size;)
        {
            // Jinja2 gives the first member's key as it is written, though it groups without regard to case.
            Value key = KeyOf(sorted.Members[start]);
            List<Value> group = [.. sorted.Members.Skip(start).TakeWhile(member => Comparison.AreEqual(Folded(KeyOf(member), isExact), Folded(key, isExact)))];
            arguments.Budget.Charge(sorted.Size);
            groups.Add(new ListValue([key, new ListValue(group)], ListKind.Tuple));
            start += group.Count;
        }

        return new ListValue(groups);
    }

    public static Value Unique(Value input, Arguments arguments)
    {
        Value? path = arguments.Optional(1, "attribute");
        HashSet<Value> seen = new(HashComparer.Instance);
        return new GeneratorValue(Sequence.Each(input, arguments.Budget).Where(member => seen.Add(Folded(Key(member, path), arguments.Flag(0, "case_sensitive")))));
    }

    public static Value Extreme(Value input, Arguments arguments, int sign)
    {
        Value? path = arguments.Optional(1, "attribute");
        Value KeyOf(Value member) => Folded(Key(member, path), arguments.Flag(0, "case_sensitive"));
        List<Value> members = Sequence.Read(input, arguments.Budget);
        return members.Count == 0
            ? new UndefinedValue("No aggregated item, sequence was empty.")
            // Of equal ones the first, as Python's max and min give it.
            : members.Aggregate((best, member) => Comparison.Compare(KeyOf(member), KeyOf(best), arguments.Budget) * sign > 0 ? member : best);
    }

    public static Value Sum(Value input, Arguments arguments)
    {
        Value? path = arguments.Optional(0, "attribute");
        return Sequence.Each(input, arguments.Budget)
            .Aggregate(arguments.Optional(1, "start") ?? new IntegerValue(0), (sum, member) => Operations.Apply("+", sum, Key(member, path), arguments.Budget));
    }

    public static Value Last(Value input, Arguments arguments) =>
        (input is ListValue { Size: > 0 } list ? list.Members[^1] : Sequence.Each(input, arguments.Budget).LastOrDefault())
        ?? new UndefinedValue("No last item, sequence was empty.");

    public static Value Reverse(Value input, Arguments arguments)
    {
        List<Value> members = Sequence.Read(input, arguments.Budget);
        members.Reverse();
        return input is TextValue text ? text.With(string.Concat(members.Select(PythonText.Str))) : new GeneratorValue(members);
    }

    public static Value Batch(Value input, Arguments arguments)
    {
        int size = Math.Max(1, Numbers.Small(arguments.Required(0, "linecount")));
        Value? fill = arguments.Optional(1, "fill_with") is Value given and not NoneValue ? given : null;
        return new GeneratorValue(Sequence.Each(input, arguments.Budget).Chunk(size).Select(chunk =>
        {
            int missing = fill is null ? 0 : size - chunk.Length;
            arguments.Budget.Charge(missing);
            return new ListValue([.. chunk, .. Enumerable.Repeat(fill!, missing)]);
        }));
    }

    private static ListValue Sorted(IEnumerable<Value> members, Func<Value, Value> key, bool isReversed, Budget budget) =>
        new(Comparison.Sorted(members, key, isReversed, budget));

    private static Value Key(Value member, Value? path) => path is null or NoneValue ? member : Sequence.Follow(member, path);

    /// <summary>Without regard to case, unless it is asked for.</summary>
    private static Value Folded(Value key, bool isExact) => key is TextValue text && !isExact ? new TextValue(text.Text.ToLowerInvariant()) : key;
}
