namespace Lora.Text.Jinja;

/// <summary><c>{% for target in items if test recursive %}</c></summary>
internal sealed record Loop(Target Target, Expression Items, Expression? Test, bool IsRecursive, Block Body, Block? Otherwise)
{
    public Flow Run(Value items, Scope scope, int depth)
    {
        // What does not pass goes first: loop.length and loop.last know nothing of it.
        List<Value> members = [.. Sequence.Read(items, scope.Budget).Where(member => Passes(member, scope))];
        LoopValue state = new(this, members, scope, depth);
        for (int index = 0; index < members.Count; index++)
        {
            state.Index = index;
            Scope inner = scope.Inner();
            // A scope for each round: what a body sets is gone in the next, which is what namespace() is for.
            inner.Set("loop", state);
            Target.Assign(members[index], inner);
            if (Body.Run(inner) == Flow.Break)
            {
                return Flow.Next;
            }
        }

        return members.Count == 0 ? Otherwise?.Run(scope.Inner()) ?? Flow.Next : Flow.Next;
    }

    private bool Passes(Value member, Scope scope)
    {
        if (Test is null)
        {
            return true;
        }

        Scope inner = scope.Inner();
        Target.Assign(member, inner);
        return Test.Evaluate(inner).IsTrue;
    }
}

internal sealed class ForStatement(Loop loop, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope) => loop.Run(loop.Items.Evaluate(scope), scope, 1);
}

/// <summary>The variable <c>loop</c>.</summary>
internal sealed class LoopValue(Loop loop, IReadOnlyList<Value> members, Scope scope, int depth) : Value
{
    private ListValue? changed;

    public int Index { get; set; }

    public override string TypeName => "LoopContext";

    public override Value? Item(Value key) => key is TextValue name ? Attribute(name.Text) : null;

    public override Value? Attribute(string name) => name switch
    {
        "index" => new IntegerValue(Index + 1),
        "index0" => new IntegerValue(Index),
        "revindex" => new IntegerValue(members.Count - Index),
        "revindex0" => new IntegerValue(members.Count - Index - 1),
        "first" => BooleanValue.Of(Index == 0),
        "last" => BooleanValue.Of(Index == members.Count - 1),
        "length" => new IntegerValue(members.Count),
        "depth" => new IntegerValue(depth),
        "depth0" => new IntegerValue(depth - 1),
        "previtem" => Index > 0 ? members[Index - 1] : new UndefinedValue("there is no previous item"),
        "nextitem" => Index < members.Count - 1 ? members[Index + 1] : new UndefinedValue("there is no next item"),
        "cycle" => new FunctionValue(name, arguments => arguments.Positional.Count > 0
            ? arguments.Positional[Index % arguments.Positional.Count]
            : throw new JinjaFailure("no items for cycling given")),
        "changed" => new FunctionValue(name, arguments => BooleanValue.Of(Changed(new ListValue(arguments.Positional)))),
        _ => null,
    };

    /// <summary><c>loop(items)</c>: the body again, for other items.</summary>
    public TextValue Recurse(Arguments arguments)
    {
        if (!loop.IsRecursive)
        {
            throw new JinjaFailure("the loop is not marked recursive");
        }

        return arguments.Budget.Call(() =>
        {
            Scope captured = scope.Captured();
            loop.Run(arguments.Required(0, "iterable"), captured, depth + 1);
            return new TextValue(captured.Output.ToString());
        });
    }

    private bool Changed(ListValue values)
    {
        bool isChanged = changed is null || !Comparison.AreEqual(changed, values);
        changed = values;
        return isChanged;
    }
}
