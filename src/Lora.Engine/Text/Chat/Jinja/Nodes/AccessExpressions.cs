namespace Lora.Text.Jinja;

/// <summary><c>value.name</c>: an attribute, else a member.</summary>
internal sealed class AttributeExpression(Expression owner, string name) : Expression
{
    protected override Value Compute(Scope scope) => Of(owner.Evaluate(scope), name);

    public static Value Of(Value owner, string name) => owner.Attribute(name)
        ?? (owner is TextValue or ListValue ? null : owner.Item(new TextValue(name)))
        ?? new UndefinedValue($"'{owner.TypeName} object' has no attribute '{name}'");
}

/// <summary><c>value[key]</c>: a member, else an attribute.</summary>
internal sealed class ItemExpression(Expression owner, Expression key) : Expression
{
    protected override Value Compute(Scope scope)
    {
        Value value = owner.Evaluate(scope);
        if (value is TextValue)
        {
            scope.Budget.Read(value);
        }

        return Of(value, key.Evaluate(scope));
    }

    public static Value Of(Value owner, Value key) => owner.Item(key)
        ?? (key is TextValue name ? owner.Attribute(name.Text) : null)
        ?? new UndefinedValue($"'{owner.TypeName} object' has no element {PythonText.Repr(key)}");
}

/// <summary><c>value[start:stop:step]</c></summary>
internal sealed class SliceExpression(Expression owner, Expression? start, Expression? stop, Expression? step) : Expression
{
    protected override Value Compute(Scope scope)
    {
        Value value = owner.Evaluate(scope);
        long stride = Bound(step, scope) ?? 1;
        (long? from, long? to) = (Bound(start, scope), Bound(stop, scope));
        if (stride == 0)
        {
            throw new JinjaFailure("slice step cannot be zero");
        }

        scope.Budget.Read(value);
        switch (value)
        {
            case TextValue text:
                return scope.Budget.Made(text.Pick(Places(text.Length, from, to, stride)));
            case ListValue list when list.Kind != ListKind.View:
                return scope.Budget.Made(new ListValue([.. Places(list.Size, from, to, stride).Select(place => list.Members[place])], list.Kind));
            case UndefinedValue undefined:
                throw new JinjaFailure(undefined.Reason);
            default:
                return new UndefinedValue($"'{value.TypeName} object' has no slices");
        }
    }

    private static long? Bound(Expression? bound, Scope scope) => bound?.Evaluate(scope) is Value value and not NoneValue ? Numbers.Integer(value) : null;

    private static List<int> Places(int length, long? start, long? stop, long step)
    {
        (long least, long most) = step > 0 ? (0, length) : (-1, length - 1);
        long from = Clamp(start ?? (step > 0 ? least : most), start is null);
        long to = Clamp(stop ?? (step > 0 ? most : least), stop is null);
        List<int> places = [];
        // So that the place after the last stays within a long; a longer step leads out of every text all the same.
        long stride = Math.Clamp(step, -int.MaxValue, int.MaxValue);
        for (long place = from; step > 0 ? place < to : place > to; place += stride)
        {
            places.Add((int)place);
        }

        return places;

        long Clamp(long bound, bool isDefault) => isDefault ? bound : Math.Clamp(bound < 0 ? bound + length : bound, least, most);
    }
}
