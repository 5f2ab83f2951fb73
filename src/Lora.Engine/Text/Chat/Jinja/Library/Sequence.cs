namespace Lora.Text.Jinja;

/// <summary>Iteration, counted.</summary>
internal static class Sequence
{
    public static List<Value> Read(Value value, Budget budget) => [.. Each(value, budget)];

    public static IEnumerable<Value> Each(Value value, Budget budget)
    {
        foreach (Value member in value.Items())
        {
            budget.Charge(1);
            yield return member;
        }
    }

    /// <summary>len().</summary>
    public static IntegerValue Length(Value value) => value switch
    {
        TextValue text => new IntegerValue(text.Length),
        ListValue or MapValue => new IntegerValue(value.Size),
        // Jinja2's Undefined has a length, 0, and nothing to go over.
        UndefinedValue => new IntegerValue(0),
        _ => throw new JinjaFailure($"object of type '{value.TypeName}' has no len()"),
    };

    /// <summary>The member that a dotted path leads to, as the filters' "attribute" names it: numbers are places.</summary>
    public static Value Follow(Value value, Value path)
    {
        if (path is IntegerValue)
        {
            return ItemExpression.Of(value, path);
        }

        foreach (string part in PythonText.Str(path).Split('.'))
        {
            value = ItemExpression.Of(value, int.TryParse(part, out int place) ? new IntegerValue(place) : new TextValue(part));
        }

        return value;
    }
}
