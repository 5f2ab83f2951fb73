namespace Lora.Text.Jinja;

/// <summary>How a block goes on after a statement.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>A part of a template that writes or changes something.</summary>
internal abstract class Statement(int line)
{
    public Flow Run(Scope scope)
    {
        scope.Budget.Step();
        scope.Budget.Line = line;
        return Execute(scope);
    }

    protected abstract Flow Execute(Scope scope);
}

internal sealed class Block(IReadOnlyList<Statement> statements)
{
    public Flow Run(Scope scope)
    {
        foreach (Statement statement in statements)
        {
            if (statement.Run(scope) is Flow flow and not Flow.Next)
            {
                return flow;
            }
        }

        return Flow.Next;
    }

    /// <summary>Runs in a scope of its own, and gives the text.</summary>
    public TextValue Capture(Scope captured)
    {
        Run(captured);
        return new TextValue(captured.Output.ToString());
    }
}

internal sealed class TextStatement(string text, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        scope.Write(text);
        return Flow.Next;
    }
}

internal sealed class OutputStatement(Expression value, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        scope.Write(PythonText.Str(value.Evaluate(scope)));
        return Flow.Next;
    }
}

/// <summary><c>{% do %}</c>: a value for what comes of it beside.</summary>
internal sealed class DoStatement(Expression value, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        value.Evaluate(scope);
        return Flow.Next;
    }
}

internal sealed class IfStatement(IReadOnlyList<(Expression Test, Block Body)> branches, Block? otherwise, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        foreach ((Expression test, Block body) in branches)
        {
            if (test.Evaluate(scope).IsTrue)
            {
                // An if opens no scope: what it sets stays.
                return body.Run(scope);
            }
        }

        return otherwise?.Run(scope) ?? Flow.Next;
    }
}

/// <summary><c>{% break %}</c> and <c>{% continue %}</c></summary>
internal sealed class FlowStatement(Flow flow, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope) => flow;
}
