using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Turns failures of the engine into error records: a stable id, a category, what the user named, what to do.</summary>
internal static class ErrorRecords
{
    /// <summary>One record, whose message lists every problem that the exception carries.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="target">The record's target; null for what the user named.</param>
    /// <param name="of">The point of a sweep that it is of; null for none, or that of the target.</param>
    public static ErrorRecord Of(LoraException exception, object? target = null, string? of = null) =>
        new(exception, "Lora" + exception.Error, ErrorCategories.Of(exception.Error), target ?? exception.Problem.Target)
        {
            ErrorDetails = new ErrorDetails(Subject(target, of) + exception.Message)
            {
                RecommendedAction = string.Join(" ", exception.Problems.Select(problem => problem.Advice).Distinct()),
            },
        };

    // Of sixteen points an error says which.
    private static string Subject(object? target, string? of) => (of ?? (target is LoraSweepResult point ? $"'{point.Name}'" : null)) is string name ? $"Point {name}: " : "";
}
