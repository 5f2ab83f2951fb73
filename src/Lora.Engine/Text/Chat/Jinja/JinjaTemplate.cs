namespace Lora.Text.Jinja;

/// <summary>A Jinja2 template as chat templates are run: immutable sandbox, trim_blocks, lstrip_blocks, loop controls, generation blocks.</summary>
internal sealed class JinjaTemplate
{
    private readonly Block root;

    private JinjaTemplate(Block root, bool hasGeneration)
    {
        this.root = root;
        HasGeneration = hasGeneration;
    }

    /// <summary>Whether there is a generation block anywhere.</summary>
    public bool HasGeneration { get; }

    /// <exception cref="JinjaFailure">The text is not Jinja, or nests too deep.</exception>
    public static JinjaTemplate Parse(string text)
    {
        (Block root, bool hasGeneration) = Parser.Read(text);
        return new JinjaTemplate(root, hasGeneration);
    }

    /// <exception cref="JinjaFailure">The template raised it, did what Python would not, or took more than a <see cref="Budget"/>.</exception>
    public (string Text, IReadOnlyList<Range> Generated) Render(IEnumerable<KeyValuePair<string, Value>> variables, DateTimeOffset now, CancellationToken cancellation)
    {
        Scope globals = new(new Budget(cancellation));
        Globals.Define(globals, now);
        // A variable may have the name of a function of the environment, and hides it.
        Scope scope = globals.Inner();
        foreach (KeyValuePair<string, Value> variable in variables)
        {
            scope.Set(variable.Key, variable.Value);
        }

        try
        {
            root.Run(scope);
            return (scope.Output.ToString(), scope.Generated!);
        }
        // Only the parser knows its line; what fails in a value is on the line of the statement that ran last.
        catch (JinjaFailure failure) when (failure.Line == 0)
        {
            throw new JinjaFailure(failure.Message, scope.Budget.Line, failure.IsExhausted);
        }
    }
}
