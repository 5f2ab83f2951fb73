namespace Lora.Text.Jinja;

/// <summary><c>{% set target = value %}</c></summary>
internal sealed class SetStatement(Target target, Expression value, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        target.Assign(value.Evaluate(scope), scope);
        return Flow.Next;
    }
}

/// <summary>A block whose text goes through filters: <c>{% set name | filter %}</c> keeps it, <c>{% filter name %}</c> writes it.</summary>
/// <param name="target">Where the text goes; null for the output.</param>
/// <param name="body">The block.</param>
/// <param name="captured">The name by which <paramref name="filtered"/> finds the block's text.</param>
/// <param name="filtered">The text behind the filters.</param>
/// <param name="line">The line of the tag.</param>
internal sealed class CaptureStatement(Target? target, Block body, string captured, Expression filtered, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        Scope inner = scope.Inner();
        inner.Set(captured, body.Capture(scope.Captured()));
        Value value = filtered.Evaluate(inner);
        if (target is null)
        {
            scope.Write(PythonText.Str(value));
        }
        else
        {
            target.Assign(value, scope);
        }

        return Flow.Next;
    }
}

/// <summary><c>{% with name = value %}</c></summary>
internal sealed class WithStatement(IReadOnlyList<(Target Target, Expression Value)> assignments, Block body, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        Scope inner = scope.Inner();
        foreach ((Target target, Expression value) in assignments)
        {
            // The values see the variables outside, not each other.
            target.Assign(value.Evaluate(scope), inner);
        }

        return body.Run(inner);
    }
}

/// <summary><c>{% generation %}</c>: what a model is to say; its place in the output is kept.</summary>
internal sealed class GenerationStatement(Block body, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        int start = scope.Output.Length;
        body.Run(scope.Inner());
        scope.Generated?.Add(start..scope.Output.Length);
        return Flow.Next;
    }
}
