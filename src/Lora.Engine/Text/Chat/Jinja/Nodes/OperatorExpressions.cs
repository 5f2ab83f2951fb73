namespace Lora.Text.Jinja;

internal sealed class ArithmeticExpression(string sign, Expression left, Expression right) : Expression
{
    protected override Value Compute(Scope scope) => Operations.Apply(sign, left.Evaluate(scope), right.Evaluate(scope), scope.Budget);
}

internal sealed class NegativeExpression(Expression operand) : Expression
{
    protected override Value Compute(Scope scope) => Operations.Negate(operand.Evaluate(scope));
}

internal sealed class NotExpression(Expression operand) : Expression
{
    protected override Value Compute(Scope scope) => BooleanValue.Of(!operand.Evaluate(scope).IsTrue);
}

/// <summary><c>and</c>, <c>or</c>: the operand that decides.</summary>
internal sealed class LogicalExpression(bool isOr, Expression left, Expression right) : Expression
{
    protected override Value Compute(Scope scope)
    {
        Value first = left.Evaluate(scope);
        return first.IsTrue == isOr ? first : right.Evaluate(scope);
    }
}

/// <summary><c>~</c>: operands as text.</summary>
internal sealed class ConcatenationExpression(IReadOnlyList<Expression> parts) : Expression
{
    protected override Value Compute(Scope scope)
    {
        string[] texts = [.. parts.Select(part => PythonText.Str(part.Evaluate(scope)))];
        scope.Budget.Create(texts.Sum(text => (long)text.Length));
        return new TextValue(string.Concat(texts));
    }
}

/// <summary>A chain of comparisons, as <c>1 &lt; x &lt;= 3</c>.</summary>
internal sealed class ComparisonExpression(Expression first, IReadOnlyList<(string Sign, Expression Operand)> rest) : Expression
{
    protected override Value Compute(Scope scope)
    {
        Value left = first.Evaluate(scope);
        foreach ((string sign, Expression operand) in rest)
        {
            Value right = operand.Evaluate(scope);
            if (!Holds(sign, left, right, scope.Budget))
            {
                return BooleanValue.Of(false);
            }

            left = right;
        }

        return BooleanValue.Of(true);
    }

    /// <summary>Whether a comparison is true; its sign is that of an operator, or in or not in.</summary>
    public static bool Holds(string sign, Value left, Value right, Budget budget)
    {
        budget.Charge(Math.Min(left.Weight, right.Weight) / Comparison.WeightPerStep);
        return sign switch
        {
            "==" => Comparison.AreEqual(left, right),
            "!=" => !Comparison.AreEqual(left, right),
            "in" => Comparison.Contains(right, left, budget),
            "not in" => !Comparison.Contains(right, left, budget),
            "<" => Comparison.Compare(left, right) < 0,
            "<=" => Comparison.Compare(left, right) <= 0,
            ">" => Comparison.Compare(left, right) > 0,
            _ => Comparison.Compare(left, right) >= 0,
        };
    }
}
