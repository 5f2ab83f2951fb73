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
                return scope.Budget.Made(text.Pick(Places(Cut(text.Length, from, to, stride))));
            case ListValue { IsView: false } list:
                Bounds cut = Cut(list.Size, from, to, stride);
                Value[] members = [.. Places(cut).Select(place => list.Members[place])];
                return scope.Budget.Made(list.Kind == ListKind.Range ? new ListValue(members, list.Bounds.Of(cut)) : new ListValue(members, list.Kind));
            case UndefinedValue undefined:
                throw new JinjaFailure(undefined.Reason);
            default:
                return new UndefinedValue($"'{value.TypeName} object' has no slices");
        }
    }

    private static long? Bound(Expression? bound, Scope scope) => bound?.Evaluate(scope) is Value value and not NoneValue ? Numbers.Integer(value) : null;

    /// <summary>A slice held to a length, as Python's slice.indices() holds it.</summary>
    private static Bounds Cut(int length, long? start, long? stop, long step)
    {
        (long least, long most) = step > 0 ? (0, length) : (-1, length - 1);
        return new(Clamp(start ?? (step > 0 ? least : most), start is null), Clamp(stop ?? (step > 0 ? most : least), stop is null), step);

        long Clamp(long bound, bool isDefault) => isDefault ? bound : Math.Clamp(bound < 0 ? bound + length : bound, least, most);
    }

    private static List<int> Places(Bounds cut)
    {
        List<int> places = [];
        for (Int128 place = cut.Start; cut.Step > 0 ? place < cut.Stop : place > cut.Stop; place += cut.Step)
        {
            places.Add((int)place);
        }

        return places;
    }
}
