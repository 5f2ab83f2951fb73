namespace Lora.Text.Jinja;

/// <summary>Filters that apply others, or tests, to each member; they are lazy, as Jinja2's.</summary>
internal static class SelectionFilters
{
    public static Value Map(Value input, Arguments arguments)
    {
        if (arguments.Positional.Count == 0 && arguments.Named.TryGetValue("attribute", out Value? path))
        {
            Value? absent = arguments.Named.GetValueOrDefault("default");
            return new GeneratorValue(Sequence.Each(input, arguments.Budget).Select(member =>
                Sequence.Follow(member, path) is Value found && (found is not UndefinedValue || absent is null) ? found : absent!));
        }

        string name = arguments.Text(0, "filter");
        Filter filter = Filters.Find(name) ?? throw new JinjaFailure($"No filter named '{name}'.");
        Arguments rest = arguments.From(1);
        return new GeneratorValue(Sequence.Each(input, arguments.Budget).Select(member =>
        {
            arguments.Budget.Read(member);
            return arguments.Budget.Made(filter(member, rest));
        }));
    }

    public static Value Select(Value input, Arguments arguments, bool wanted)
    {
        Func<Value, bool> test = TestOf(arguments, 0);
        return new GeneratorValue(Sequence.Each(input, arguments.Budget).Where(member => test(member) == wanted));
    }

    public static Value SelectByAttribute(Value input, Arguments arguments, bool wanted)
    {
        Value path = arguments.Required(0, "attribute");
        Func<Value, bool> test = TestOf(arguments, 1);
        return new GeneratorValue(Sequence.Each(input, arguments.Budget).Where(member => test(Sequence.Follow(member, path)) == wanted));
    }

    private static Func<Value, bool> TestOf(Arguments arguments, int place)
    {
        if (place >= arguments.Positional.Count)
        {
            return member => member.IsTrue;
        }

        string name = arguments.Text(place, "test");
        Test test = Tests.Find(name) ?? throw new JinjaFailure($"No test named '{name}'.");
        Arguments rest = arguments.From(place + 1);
        return member => test(member, rest);
    }
}
