using System.Text;

namespace Lora.Text.Jinja;

/// <summary>Reads the values of expressions, and what may follow one: members, slices, calls, filters, tests.</summary>
internal sealed class PostfixParser(TokenStream tokens)
{
    public Expression Value(Func<Expression> inner) => Postfix(Primary(inner), inner);

    public Expression Tuple(Func<Expression> inner)
    {
        Expression first = inner();
        if (!tokens.IsOperator(","))
        {
            return first;
        }

        List<Expression> members = [first];
        while (tokens.TakeOperator(",") && tokens.Current.Kind is not (TokenKind.CloseTag or TokenKind.CloseExpression) && !tokens.IsOperator(")") && !tokens.IsOperator("]"))
        {
            members.Add(inner());
        }

        return new ListExpression(members, ListKind.Tuple);
    }

    public (Expression Function, ArgumentExpressions Arguments) Call(Func<Expression> inner)
    {
        Expression function = new VariableExpression(tokens.Name());
        while (tokens.TakeOperator("."))
        {
            function = new AttributeExpression(function, tokens.Name());
        }

        return (function, Arguments(inner));
    }

    public Expression FiltersAndTests(Expression value, Func<Expression> inner)
    {
        while (true)
        {
            if (tokens.IsOperator("|"))
            {
                value = Filters(value, inner);
            }
            else if (tokens.IsName("is"))
            {
                value = Test(value, inner);
            }
            else if (tokens.IsOperator("("))
            {
                value = new CallExpression(value, Arguments(inner));
            }
            else
            {
                return value;
            }
        }
    }

    public Expression Filters(Expression value, Func<Expression> inner)
    {
        while (tokens.TakeOperator("|"))
        {
            value = Filter(value, inner);
        }

        return value;
    }

    public Expression Filter(Expression value, Func<Expression> inner)
    {
        int line = tokens.Current.Line;
        string name = DottedName();
        return new FilterExpression(value, name, tokens.IsOperator("(") ? Arguments(inner) : new ArgumentExpressions(), line);
    }

    private Expression Test(Expression value, Func<Expression> inner)
    {
        int line = tokens.Next().Line;
        bool isNegated = tokens.TakeName("not");
        string name = DottedName();
        ArgumentExpressions arguments = new();
        if (tokens.IsOperator("("))
        {
            arguments = Arguments(inner);
        }
        else if (tokens.IsName("is"))
        {
            throw new JinjaFailure("tests cannot be chained with is", tokens.Current.Line);
        }
        // One argument needs no parentheses: x is divisibleby 3.
        else if (BeginsArgument())
        {
            arguments.Positional.Add(Value(inner));
        }

        TestExpression test = new(value, name, arguments, line);
        return isNegated ? new NotExpression(test) : test;
    }

    private bool BeginsArgument() => tokens.Current.Kind switch
    {
        TokenKind.Name => tokens.Current.Text is not ("else" or "or" or "and"),
        TokenKind.String or TokenKind.Integer or TokenKind.Float => true,
        _ => tokens.IsOperator("[") || tokens.IsOperator("{"),
    };

    private string DottedName()
    {
        string name = tokens.Name();
        while (tokens.TakeOperator("."))
        {
            name += "." + tokens.Name();
        }

        return name;
    }

    private Expression Postfix(Expression value, Func<Expression> inner)
    {
        while (true)
        {
            if (tokens.TakeOperator("."))
            {
                // Jinja2 takes value.0 for value[0].
                value = tokens.Current.Kind == TokenKind.Integer
                    ? new ItemExpression(value, Number(isFloat: false))
                    : new AttributeExpression(value, tokens.Name());
            }
            else if (tokens.TakeOperator("["))
            {
                value = Subscript(value, inner);
            }
            else if (tokens.IsOperator("("))
            {
                value = new CallExpression(value, Arguments(inner));
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(Expression owner, Func<Expression> inner)
    {
        Expression? start = tokens.IsOperator(":") ? null : Tuple(inner);
        if (!tokens.TakeOperator(":"))
        {
            tokens.ExpectOperator("]");
            return new ItemExpression(owner, start!);
        }

        Expression? stop = tokens.IsOperator(":") || tokens.IsOperator("]") ? null : inner();
        Expression? step = tokens.TakeOperator(":") && !tokens.IsOperator("]") ? inner() : null;
        tokens.ExpectOperator("]");
        return new SliceExpression(owner, start, stop, step);
    }

    private ArgumentExpressions Arguments(Func<Expression> inner)
    {
        ArgumentExpressions arguments = new();
        tokens.ExpectOperator("(");
        while (!tokens.TakeOperator(")"))
        {
            if (tokens.TakeOperator("**"))
            {
                arguments.SpreadNamed = inner();
            }
            else if (tokens.TakeOperator("*"))
            {
                arguments.SpreadPositional = inner();
            }
            else if (tokens.Current.Kind == TokenKind.Name && tokens.Following is { Kind: TokenKind.Operator, Text: "=" })
            {
                string name = tokens.Name();
                tokens.Next();
                arguments.Named.Add((name, inner()));
            }
            else
            {
                arguments.Positional.Add(inner());
            }

            Separator(")");
        }

        return arguments;
    }

    private Expression Primary(Func<Expression> inner)
    {
        switch (tokens.Current.Kind)
        {
            case TokenKind.Name:
                string name = tokens.Name();
                return name switch
                {
                    "true" or "True" => new LiteralExpression(BooleanValue.Of(true)),
                    "false" or "False" => new LiteralExpression(BooleanValue.Of(false)),
                    "none" or "None" => new LiteralExpression(NoneValue.Instance),
                    _ => new VariableExpression(name),
                };
            case TokenKind.String:
                StringBuilder text = new(tokens.Next().Text);
                // Strings beside each other are one, as in Python.
                while (tokens.Current.Kind == TokenKind.String)
                {
                    text.Append(tokens.Next().Text);
                }

                return new LiteralExpression(new TextValue(text.ToString()));
            case TokenKind.Integer or TokenKind.Float:
                return Number(tokens.Current.Kind == TokenKind.Float);
        }

        return tokens.TakeOperator("(") ? Parenthesized(inner)
            : tokens.TakeOperator("[") ? new ListExpression(Members("]", inner), ListKind.List)
            : tokens.TakeOperator("{") ? new MapExpression(Members("}", () => Pair(inner)))
            : throw tokens.Unexpected("a value");
    }

    private LiteralExpression Number(bool isFloat)
    {
        Token token = tokens.Next();
        return new LiteralExpression(Numbers.Parse(token.Text, isFloat, token.Line));
    }

    private Expression Parenthesized(Func<Expression> inner)
    {
        if (tokens.TakeOperator(")"))
        {
            return new ListExpression([], ListKind.Tuple);
        }

        Expression value = Tuple(inner);
        tokens.ExpectOperator(")");
        return value;
    }

    private (Expression, Expression) Pair(Func<Expression> inner)
    {
        Expression key = inner();
        tokens.ExpectOperator(":");
        return (key, inner());
    }

    private List<T> Members<T>(string close, Func<T> member)
    {
        List<T> members = [];
        while (!tokens.TakeOperator(close))
        {
            members.Add(member());
            Separator(close);
        }

        return members;
    }

    private void Separator(string close)
    {
        if (!tokens.IsOperator(close))
        {
            tokens.ExpectOperator(",");
        }
    }
}
