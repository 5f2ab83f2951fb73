namespace Lora.Text.Jinja;

/// <summary>Python's operators between two values.</summary>
internal static class Operations
{
    public static Value Apply(string sign, Value left, Value right, Budget budget)
    {
        switch (sign, left, right)
        {
            case ("+", TextValue one, TextValue other):
                budget.Create(one.Text.Length + other.Text.Length);
                bool isSafe = one.IsSafe || other.IsSafe;
                return new TextValue(isSafe ? Markup.Escaped(one) + Markup.Escaped(other) : one.Text + other.Text, isSafe);
            case ("%", TextValue format, _):
                return format.With(PercentFormat.Apply(format.Text, right, budget));
            case ("*", TextValue text, _) when Numbers.Is(right):
                return Repeat(text, Numbers.Integer(right), budget);
            case ("*", _, TextValue text) when Numbers.Is(left):
                return Repeat(text, Numbers.Integer(left), budget);
            // A list and a tuple have no sum in Python, and neither have the views of dicts.
            case ("+", ListValue one, ListValue other) when one.Kind == other.Kind && one.Kind is ListKind.List or ListKind.Tuple:
                budget.Charge(one.Size + other.Size);
                return new ListValue([.. one.Members, .. other.Members], one.Kind);
            case ("*", ListValue { Kind: ListKind.List or ListKind.Tuple } list, _) when Numbers.Is(right):
                long count = Math.Max(0, Numbers.Integer(right));
                // The count is cut so that the product holds in a long; one that an int cannot hold is refused by this charge.
                budget.Charge(list.Size == 0 ? 0 : Math.Min(count, Budget.MostWeight * 10) * list.Size);
                return new ListValue([.. Enumerable.Repeat(list.Members, list.Size == 0 ? 0 : (int)count).SelectMany(members => members)], list.Kind);
            case (_, UndefinedValue undefined, _):
                throw new JinjaFailure(undefined.Reason);
            case (_, _, UndefinedValue undefined):
                throw new JinjaFailure(undefined.Reason);
        }

        if (!Numbers.Is(left) || !Numbers.Is(right))
        {
            throw new JinjaFailure($"'{sign}' is not for '{left.TypeName}' and '{right.TypeName}'");
        }

        return left is FloatValue || right is FloatValue || sign == "/"
            ? new FloatValue(OfFloats(sign, Numbers.Float(left), Numbers.Float(right)))
            : OfIntegers(sign, Numbers.Integer(left), Numbers.Integer(right));
    }

    public static Value Negate(Value value) => value is FloatValue real ? new FloatValue(-real.Number) : OfIntegers("-", 0, Numbers.Integer(value));

    private static TextValue Repeat(TextValue text, long count, Budget budget)
    {
        long times = Math.Clamp(count, 0, Budget.MostWeight + 1);
        budget.Create(times * text.Text.Length);
        return text.With(string.Concat(Enumerable.Repeat(text.Text, text.Text.Length == 0 ? 0 : (int)times)));
    }

    private static double OfFloats(string sign, double left, double right) => sign switch
    {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "**" => Math.Pow(left, right),
        _ when right == 0 => throw new JinjaFailure("division by zero"),
        "/" => left / right,
        "//" => Math.Floor(left / right),
        // The rest has the divisor's sign in Python, in C# the dividend's.
        _ => left - (right * Math.Floor(left / right)),
    };

    private static Value OfIntegers(string sign, long left, long right)
    {
        try
        {
            return sign switch
            {
                "+" => new IntegerValue(checked(left + right)),
                "-" => new IntegerValue(checked(left - right)),
                "*" => new IntegerValue(checked(left * right)),
                "**" => right < 0 ? new FloatValue(OfFloats(sign, left, right)) : new IntegerValue(Power(left, right)),
                _ when right == 0 => throw new JinjaFailure("division by zero"),
                // Python rounds down and gives the rest its divisor's sign; C# rounds towards zero.
                "//" => new IntegerValue(checked((left / right) - (left % right != 0 && (left % right < 0) != (right < 0) ? 1 : 0))),
                // The least long has no remainder by -1 in C#: it overflows.
                _ => new IntegerValue(right == -1 ? 0 : ((left % right) + right) % right),
            };
        }
        catch (OverflowException)
        {
            throw new JinjaFailure("a number has more than 64 bits");
        }
    }

    private static long Power(long left, long right)
    {
        long result = 1;
        // All but 0, 1 and -1 overflow within 63 rounds, which ends the loop.
        for (long count = 0; count < right && result is not 0 && left is not (1 or 0 or -1); count++)
        {
            result = checked(result * left);
        }

        return left switch { 0 => right == 0 ? 1 : 0, -1 => right % 2 == 0 ? 1 : -1, _ => result };
    }
}
