namespace Lora.Text.Jinja;

/// <summary>What stands between the parentheses of a call; lists and dicts may be spread by * and **.</summary>
internal sealed class ArgumentExpressions
{
    public List<Expression> Positional { get; } = [];

    public List<(string Name, Expression Value)> Named { get; } = [];

    public Expression? SpreadPositional { get; set; }

    public Expression? SpreadNamed { get; set; }

    public Arguments Evaluate(Scope scope)
    {
        List<Value> positional = [.. Positional.Select(argument => argument.Evaluate(scope))];
        Dictionary<string, Value> named = new(StringComparer.Ordinal);
        foreach ((string name, Expression value) in Named)
        {
            named[name] = value.Evaluate(scope);
        }

        if (SpreadPositional?.Evaluate(scope) is Value list)
        {
            positional.AddRange(Sequence.Read(list, scope.Budget));
        }

        if (SpreadNamed?.Evaluate(scope) is Value spread)
        {
            foreach (KeyValuePair<Value, Value> pair in (spread as MapValue ?? throw new JinjaFailure("** takes a dict")).Pairs)
            {
                named[PythonText.Str(pair.Key)] = pair.Value;
            }
        }

        return new Arguments(positional, named, scope.Budget);
    }
}

internal sealed class CallExpression(Expression function, ArgumentExpressions arguments) : Expression
{
    protected override Value Compute(Scope scope) => function.Evaluate(scope) switch
    {
        FunctionValue called => scope.Budget.Made(called.Call(arguments.Evaluate(scope))),
        LoopValue loop => loop.Recurse(arguments.Evaluate(scope)),
        UndefinedValue undefined => throw new JinjaFailure(undefined.Reason),
        Value other => throw new JinjaFailure($"'{other.TypeName}' object is not callable"),
    };
}

/// <summary><c>value|name(arguments)</c></summary>
internal sealed class FilterExpression(Expression input, string name, ArgumentExpressions arguments, int line) : Expression
{
    // Sought while the template is read: a name that is unknown fails before any row is rendered.
    private readonly Filter filter = Filters.Find(name) ?? throw new JinjaFailure($"No filter named '{name}'.", line);

    protected override Value Compute(Scope scope)
    {
        Value value = input.Evaluate(scope);
        scope.Budget.Read(value);
        return scope.Budget.Made(filter(value, arguments.Evaluate(scope)));
    }
}

/// <summary><c>value is name(arguments)</c></summary>
internal sealed class TestExpression(Expression input, string name, ArgumentExpressions arguments, int line) : Expression
{
    private readonly Test test = Tests.Find(name) ?? throw new JinjaFailure($"No test named '{name}'.", line);

    protected override Value Compute(Scope scope)
    {
        Value value = input.Evaluate(scope);
        return BooleanValue.Of(test(value, arguments.Evaluate(scope)));
    }
}
