namespace Lora.Text.Jinja;

internal enum ListKind
{
    List,
    Tuple,

    /// <summary>The items, keys or values of a dict: they have a length, and no member by index.</summary>
    View,

    /// <summary>range().</summary>
    Range,
}

/// <summary>Python's list and what is like it.</summary>
internal sealed class ListValue : Value
{
    private static readonly HashSet<string> Changing = ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"];

    public ListValue(IReadOnlyList<Value> members, ListKind kind = ListKind.List)
    {
        Members = members;
        Kind = kind;
        (Depth, Weight) = Extent.Of(members);
    }

    public IReadOnlyList<Value> Members { get; }

    public ListKind Kind { get; }

    public override string TypeName => Kind switch { ListKind.Tuple => "tuple", ListKind.View => "dict_items", ListKind.Range => "range", _ => "list" };

    public override bool IsTrue => Members.Count > 0;

    public override int Depth { get; }

    public override long Weight { get; }

    public override int Size => Members.Count;

    public override IEnumerable<Value> Items() => Members;

    public override Value? Item(Value key)
    {
        // To Python a bool is an integer: [a, b][true] is b.
        if (Kind == ListKind.View || key is not (IntegerValue or BooleanValue))
        {
            return key is TextValue name ? Attribute(name.Text) : null;
        }

        long index = Numbers.Integer(key);
        index += index < 0 ? Members.Count : 0;
        return index >= 0 && index < Members.Count ? Members[(int)index] : null;
    }

    public override Value? Attribute(string name) => name switch
    {
        _ when Kind == ListKind.View => null,
        "index" => new FunctionValue(name, arguments => IndexOf(arguments)),
        "count" => new FunctionValue(name, arguments => new IntegerValue(Members.LongCount(member => Equal(member, arguments)))),
        "copy" when Kind == ListKind.List => new FunctionValue(name, _ => this), // lists do not change
        // transformers renders in Jinja2's immutable sandbox, which refuses these.
        _ when Kind == ListKind.List && Changing.Contains(name) => Extent.Unsafe(this, name),
        _ => null,
    };

    private IntegerValue IndexOf(Arguments arguments)
    {
        for (int index = 0; index < Members.Count; index++)
        {
            if (Equal(Members[index], arguments))
            {
                return new IntegerValue(index);
            }
        }

        throw new JinjaFailure($"{PythonText.Repr(arguments.Required(0, "value"))} is not in list");
    }

    private static bool Equal(Value member, Arguments arguments)
    {
        arguments.Budget.Charge(1 + (member.Weight / Comparison.WeightPerStep));
        return Comparison.AreEqual(member, arguments.Required(0, "value"));
    }
}

/// <summary>A lazy sequence, as |map and |select give: it runs once, has no length and no JSON.</summary>
internal sealed class GeneratorValue(IEnumerable<Value> members) : Value
{
    // One walk for all who ask: a second loop over a generator finds nothing in Python either.
    private readonly IEnumerator<Value> rest = members.GetEnumerator();

    public override string TypeName => "generator";

    public override IEnumerable<Value> Items()
    {
        while (rest.MoveNext())
        {
            yield return rest.Current;
        }
    }
}
