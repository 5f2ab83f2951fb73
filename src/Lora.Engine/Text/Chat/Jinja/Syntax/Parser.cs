namespace Lora.Text.Jinja;

/// <summary>Reads tags and the blocks between them. Expressions are <see cref="ExpressionParser"/>'s.</summary>
internal sealed class Parser
{
    private const string Captured = "a block's text"; // no template can write this name

    private readonly TokenStream tokens;
    private readonly ExpressionParser expressions;

    // break and continue belong to a loop, and do not leave a macro.
    private int loops;

    private Parser(TokenStream tokens)
    {
        this.tokens = tokens;
        expressions = new ExpressionParser(tokens);
    }

    /// <summary>Whether there is a generation block anywhere.</summary>
    private bool HasGeneration { get; set; }

    /// <exception cref="JinjaFailure">The text is not Jinja, or nests too deep.</exception>
    public static (Block Root, bool HasGeneration) Read(string template)
    {
        Parser parser = new(new TokenStream(Lexer.Read(template)));
        Block root = parser.Block();
        return (root, parser.HasGeneration);
    }

    /// <summary>Statements up to one of some tags, whose name is left as the current token; without any, to the end.</summary>
    private Block Block(params string[] ends)
    {
        List<Statement> statements = [];
        while (true)
        {
            Token token = tokens.Current;
            switch (token.Kind)
            {
                case TokenKind.End when ends.Length == 0:
                    return new Block(statements);
                case TokenKind.Text:
                    tokens.Next();
                    statements.Add(new TextStatement(token.Text, token.Line));
                    break;
                case TokenKind.OpenExpression:
                    tokens.Next();
                    statements.Add(new OutputStatement(expressions.Tuple(), token.Line));
                    tokens.Expect(TokenKind.CloseExpression, "'}}'");
                    break;
                case TokenKind.OpenTag:
                    tokens.Next();
                    if (tokens.Current.Kind == TokenKind.Name && ends.Contains(tokens.Current.Text))
                    {
                        return new Block(statements);
                    }

                    statements.Add(tokens.Nested(Tag));
                    break;
                default:
                    throw tokens.Unexpected(ends.Length == 0 ? "a tag" : $"'{{% {ends[^1]} %}}'");
            }
        }
    }

    private Statement Tag()
    {
        int line = tokens.Current.Line;
        string name = tokens.Name();
        return name switch
        {
            "if" => If(line),
            "for" => For(line),
            "set" => Set(line),
            "macro" => new MacroStatement(Macro(tokens.Name(), "endmacro"), line),
            "call" => Call(line),
            "filter" => Filter(line),
            "with" => With(line),
            "do" => Closed(new DoStatement(expressions.Tuple(), line)),
            "generation" => Generation(line),
            "break" or "continue" when loops > 0 => Closed(new FlowStatement(name == "break" ? Flow.Break : Flow.Continue, line)),
            "break" or "continue" => throw new JinjaFailure($"'{name}' stands outside a loop", line),
            _ => throw new JinjaFailure($"Encountered unknown tag '{name}'.", line),
        };
    }

    private IfStatement If(int line)
    {
        List<(Expression, Block)> branches = [];
        do
        {
            Expression test = expressions.Tuple();
            tokens.CloseTag();
            branches.Add((test, Block("elif", "else", "endif")));
        }
        while (tokens.TakeName("elif"));

        return new IfStatement(branches, Otherwise("endif"), line);
    }

    private ForStatement For(int line)
    {
        Target target = Targets();
        tokens.ExpectName("in");
        Expression items = expressions.Or(); // no if-else: the if is the loop's
        Expression? test = tokens.TakeName("if") ? expressions.Conditional() : null;
        bool isRecursive = tokens.TakeName("recursive");
        tokens.CloseTag();
        loops++;
        Block body = Block("else", "endfor");
        loops--;
        return new ForStatement(new Loop(target, items, test, isRecursive, body, Otherwise("endfor")), line);
    }

    private Statement Set(int line)
    {
        Target target = Targets();
        if (tokens.TakeOperator("="))
        {
            return Closed(new SetStatement(target, expressions.Tuple(), line));
        }

        Expression filtered = expressions.Filters(new VariableExpression(Captured));
        return new CaptureStatement(target, Closing("endset"), Captured, filtered, line);
    }

    private CaptureStatement Filter(int line)
    {
        Expression filtered = expressions.Filters(expressions.Filter(new VariableExpression(Captured)));
        return new CaptureStatement(null, Closing("endfilter"), Captured, filtered, line);
    }

    private CallStatement Call(int line)
    {
        List<(string, Expression?)> parameters = tokens.IsOperator("(") ? Parameters() : [];
        (Expression function, ArgumentExpressions arguments) = expressions.Call();
        return new CallStatement(function, arguments, new Macro("caller", parameters, Apart("endcall")), line);
    }

    private Macro Macro(string name, string end) => new(name, Parameters(), Apart(end));

    private WithStatement With(int line)
    {
        List<(Target, Expression)> assignments = [];
        while (tokens.Current.Kind != TokenKind.CloseTag)
        {
            Target target = SingleTarget();
            tokens.ExpectOperator("=");
            assignments.Add((target, expressions.Conditional()));
            if (tokens.Current.Kind != TokenKind.CloseTag)
            {
                tokens.ExpectOperator(",");
            }
        }

        return new WithStatement(assignments, Closing("endwith"), line);
    }

    private GenerationStatement Generation(int line)
    {
        HasGeneration = true;
        return new GenerationStatement(Apart("endgeneration"), line);
    }

    /// <summary>A body that loops around it do not reach into.</summary>
    private Block Apart(string end)
    {
        int around = loops;
        loops = 0;
        Block body = Closing(end);
        loops = around;
        return body;
    }

    private Block Closing(string end)
    {
        tokens.CloseTag();
        Block body = Block(end);
        tokens.Next();
        tokens.CloseTag();
        return body;
    }

    private Block? Otherwise(string end)
    {
        if (tokens.TakeName("else"))
        {
            return Closing(end);
        }

        tokens.Next();
        tokens.CloseTag();
        return null;
    }

    private Statement Closed(Statement statement)
    {
        tokens.CloseTag();
        return statement;
    }

    private List<(string, Expression?)> Parameters()
    {
        List<(string, Expression?)> parameters = [];
        tokens.ExpectOperator("(");
        while (!tokens.TakeOperator(")"))
        {
            string name = tokens.Name();
            parameters.Add((name, tokens.TakeOperator("=") ? expressions.Conditional() : null));
            if (!tokens.IsOperator(")"))
            {
                tokens.ExpectOperator(",");
            }
        }

        return parameters;
    }

    private Target Targets()
    {
        List<Target> targets = [SingleTarget()];
        bool isTuple = false;
        while (tokens.TakeOperator(","))
        {
            isTuple = true;
            if (tokens.Current.Kind != TokenKind.Name || tokens.IsName("in"))
            {
                break;
            }

            targets.Add(SingleTarget());
        }

        return isTuple ? new TupleTarget(targets) : targets[0];
    }

    private Target SingleTarget()
    {
        if (tokens.TakeOperator("("))
        {
            Target inner = tokens.Nested(Targets);
            tokens.ExpectOperator(")");
            return inner;
        }

        string name = tokens.Name();
        return tokens.TakeOperator(".") ? new FieldTarget(name, tokens.Name()) : new NameTarget(name);
    }
}
