namespace Lora;

/// <summary>One thing that is wrong, with what the user named and what to do.</summary>
public sealed class LoraProblem
{
    /// <summary>Makes a problem; the message and the advice come from Messages.resx.</summary>
    /// <param name="error">The cause.</param>
    /// <param name="target">What the user named: a path, a module name, a parameter value.</param>
    /// <param name="arguments">The values of the message's placeholders, in order.</param>
    public LoraProblem(LoraError error, object? target, params object?[] arguments)
    {
        Error = error;
        Target = target;
        // What fills a message may be a name out of a file, which must not move a terminal's cursor.
        Message = Printable.Of(Messages.Text(error, arguments));
        Advice = Messages.Advice(error);
    }

    /// <summary>The cause.</summary>
    public LoraError Error { get; }

    /// <summary>What the user named.</summary>
    public object? Target { get; }

    /// <summary>What was found and what was expected.</summary>
    public string Message { get; }

    /// <summary>What to do about it.</summary>
    public string Advice { get; }

    /// <inheritdoc/>
    public override string ToString() => Message;
}
