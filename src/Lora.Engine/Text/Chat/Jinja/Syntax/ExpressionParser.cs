namespace Lora.Text.Jinja;

/// <summary>Reads expressions in Jinja2's order: if-else, or, and, not, comparisons, + and -, ~, * and /, **, signs, filters and tests.</summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    private readonly PostfixParser postfix = new(tokens);

    /// <summary>An expression, or several with commas between them: a tuple.</summary>
    public Expression Tuple() => postfix.Tuple(Conditional);

    public Expression Conditional() => tokens.Nested(() =>
    {
        Expression value = Or();
        while (tokens.TakeName("if"))
        {
            Expression test = Or();
            value = new ConditionalExpression(test, value, tokens.TakeName("else") ? Conditional() : null);
        }

        return value;
    });

    public Expression Or()
    {
        Expression left = And();
        while (tokens.TakeName("or"))
        {
            left = new LogicalExpression(isOr: true, left, And());
        }

        return left;
    }

    /// <summary>What a call tag calls: a name with what follows it, and its arguments apart.</summary>
    public (Expression Function, ArgumentExpressions Arguments) Call() => postfix.Call(Conditional);

    /// <summary>The filters that follow a block's text.</summary>
    public Expression Filters(Expression input) => postfix.Filters(input, Conditional);

    /// <summary>One filter, with its arguments.</summary>
    public Expression Filter(Expression input) => postfix.Filter(input, Conditional);

    private Expression And()
    {
        Expression left = Not();
        while (tokens.TakeName("and"))
        {
            left = new LogicalExpression(isOr: false, left, Not());
        }

        return left;
    }

    private Expression Not() => tokens.TakeName("not") ? new NotExpression(tokens.Nested(Not)) : Compare();

    private Expression Compare()
    {
        Expression first = Sum();
        List<(string, Expression)> rest = [];
        while (ComparisonSign() is string sign)
        {
            rest.Add((sign, Sum()));
        }

        return rest.Count == 0 ? first : new ComparisonExpression(first, rest);
    }

    private string? ComparisonSign()
    {
        if (tokens.Current is { Kind: TokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" })
        {
            return tokens.Next().Text;
        }

        if (tokens.TakeName("in"))
        {
            return "in";
        }

        if (tokens.IsName("not") && tokens.Following is { Kind: TokenKind.Name, Text: "in" })
        {
            tokens.Next();
            tokens.Next();
            return "not in";
        }

        return null;
    }

    private Expression Sum() => LeftToRight(Concatenation, "+", "-");

    private Expression Concatenation()
    {
        List<Expression> parts = [Product()];
        while (tokens.TakeOperator("~"))
        {
            parts.Add(Product());
        }

        return parts.Count == 1 ? parts[0] : new ConcatenationExpression(parts);
    }

    private Expression Product() => LeftToRight(Power, "*", "/", "//", "%");

    // Jinja2 reads powers from the left, unlike Python, and a sign before them: -2 ** 2 is 4.
    private Expression Power() => LeftToRight(() => Signed(withFilters: true), "**");

    private Expression LeftToRight(Func<Expression> operand, params ReadOnlySpan<string> signs)
    {
        Expression left = operand();
        while (tokens.Current.Kind == TokenKind.Operator && signs.Contains(tokens.Current.Text))
        {
            left = new ArithmeticExpression(tokens.Next().Text, left, operand());
        }

        return left;
    }

    private Expression Signed(bool withFilters)
    {
        Expression value = tokens.TakeOperator("-") ? new NegativeExpression(tokens.Nested(() => Signed(withFilters: false)))
            : tokens.TakeOperator("+") ? tokens.Nested(() => Signed(withFilters: false))
            : postfix.Value(Conditional);
        // A sign binds more strongly than a filter: -1|abs is 1.
        return withFilters ? postfix.FiltersAndTests(value, Conditional) : value;
    }
}
