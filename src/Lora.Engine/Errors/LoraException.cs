namespace Lora;

/// <summary>A failure that the engine foresees: one <see cref="LoraError"/> a cause, with what to do about it.</summary>
public sealed class LoraException : Exception
{
    // One cause may have a problem for each of a model's thousand tensors.
    private const int MostListed = 20;

    private LoraException(LoraProblem problem, IReadOnlyList<LoraProblem> all, string message, Exception? inner)
        : base(message, inner)
    {
        Problem = problem;
        Problems = all;
    }

    /// <summary>The cause; the stable ErrorId is made from its name.</summary>
    public LoraError Error => Problem.Error;

    /// <summary>The first problem found.</summary>
    public LoraProblem Problem { get; }

    /// <summary>Every problem that was found before any work was done; at least one.</summary>
    public IReadOnlyList<LoraProblem> Problems { get; }

    /// <summary>Makes the exception of one problem.</summary>
    /// <param name="error">The cause.</param>
    /// <param name="target">What the user named: a path, a module name, a parameter value.</param>
    /// <param name="arguments">The values of the message's placeholders, in order.</param>
    public static LoraException Of(LoraError error, object? target, params object?[] arguments) =>
        Of(new LoraProblem(error, target, arguments));

    /// <summary>Makes the exception of one problem that another exception caused.</summary>
    public static LoraException From(Exception inner, LoraError error, object? target, params object?[] arguments) =>
        Of([new LoraProblem(error, target, arguments)], inner);

    /// <summary>Makes the exception of the problems found, the first of which gives the id.</summary>
    public static LoraException Of(params IReadOnlyList<LoraProblem> problems) => Of(problems, null);

    /// <summary>Throws when there is any problem in the list.</summary>
    public static void ThrowIfAny(IReadOnlyList<LoraProblem> problems)
    {
        ArgumentNullException.ThrowIfNull(problems);
        if (problems.Count > 0)
        {
            throw Of(problems);
        }
    }

    private static LoraException Of(IReadOnlyList<LoraProblem> problems, Exception? inner)
    {
        string message = problems.Count == 1 ? problems[0].Message : string.Join(Environment.NewLine, Lines(problems));
        return new(problems[0], problems, message, inner);
    }

    /// <summary>A head, the first problems, and how many more there are.</summary>
    private static IEnumerable<string> Lines(IReadOnlyList<LoraProblem> problems)
    {
        IEnumerable<string> listed = problems.Take(MostListed).Select(problem => "- " + problem.Message);
        IEnumerable<string> rest = problems.Count > MostListed ? [Messages.More(problems.Count - MostListed)] : [];
        return [Messages.Count(problems.Count), .. listed, .. rest];
    }
}
