namespace Lora.Text.Jinja;

internal enum ListKind
{
    List,
    Tuple,

    /// <summary>The view of a dict that items() gives.</summary>
    Items,

    /// <summary>The view of a dict that keys() gives.</summary>
    Keys,

    /// <summary>The view of a dict that values() gives.</summary>
    Values,

    /// <summary>range().</summary>
    Range,
}

/// <summary>What a range() was made with; its stop may stand anywhere up to a step behind its last member.</summary>
internal readonly record struct Bounds(Int128 Start, Int128 Stop, Int128 Step)
{
    /// <summary>Those of a slice.</summary>
    /// <param name="cut">Its places, from and to which it goes.</param>
    public Bounds Of(Bounds cut) => new(Start + (cut.Start * Step), Start + (cut.Stop * Step), Step * cut.Step);
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

    /// <summary>A range.</summary>
    public ListValue(IReadOnlyList<Value> members, Bounds bounds)
        : this(members, ListKind.Range) => Bounds = bounds;

    public IReadOnlyList<Value> Members { get; }

    public ListKind Kind { get; }

    /// <summary>Of a range alone.</summary>
    public Bounds Bounds { get; }

    /// <summary>Whether it shows a dict: it has a length then, and no member by index.</summary>
    public bool IsView => Kind is ListKind.Items or ListKind.Keys or ListKind.Values;

    public override string TypeName => Kind switch
    {
        ListKind.Tuple => "tuple",
        ListKind.Items => "dict_items",
        ListKind.Keys => "dict_keys",
        ListKind.Values => "dict_values",
        ListKind.Range => "range",
        _ => "list",
    };

    public override bool IsTrue => Members.Count > 0;

    public override int Depth { get; }

    public override long Weight { get; }

    public override int Size => Members.Count;

    public override IEnumerable<Value> Items() => Members;

    public override Value? Item(Value key)
    {
        // To Python a bool is an integer: [a, b][true] is b.
        if (IsView || key is not (IntegerValue or BooleanValue))
        {
            return key is TextValue name ? Attribute(name.Text) : null;
        }

        long index = Numbers.Integer(key);
        index += index < 0 ? Members.Count : 0;
        return index >= 0 && index < Members.Count ? Members[(int)index] : null;
    }

    public override Value? Attribute(string name) => name switch
    {
        _ when IsView => null,
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
