namespace Lora.Text.Jinja;

/// <summary>A part of a template that has a value.</summary>
internal abstract class Expression
{
    public Value Evaluate(Scope scope)
    {
        scope.Budget.Step();
        return Compute(scope);
    }

    protected abstract Value Compute(Scope scope);
}

internal sealed class LiteralExpression(Value value) : Expression
{
    protected override Value Compute(Scope scope) => value;
}

internal sealed class VariableExpression(string name) : Expression
{
    protected override Value Compute(Scope scope) => scope.Get(name);
}

internal sealed class ListExpression(IReadOnlyList<Expression> members, ListKind kind) : Expression
{
    protected override Value Compute(Scope scope) => new ListValue([.. members.Select(member => member.Evaluate(scope))], kind);
}

internal sealed class MapExpression(IReadOnlyList<(Expression Key, Expression Value)> members) : Expression
{
    protected override Value Compute(Scope scope) =>
        new MapValue([.. members.Select(member => KeyValuePair.Create(member.Key.Evaluate(scope), member.Value.Evaluate(scope)))]);
}

/// <summary><c>value if test else other</c>; without else undefined.</summary>
internal sealed class ConditionalExpression(Expression test, Expression value, Expression? other) : Expression
{
    protected override Value Compute(Scope scope) => test.Evaluate(scope).IsTrue
        ? value.Evaluate(scope)
        : other?.Evaluate(scope) ?? new UndefinedValue("the inline if-expression evaluated to false and no else section was defined");
}
