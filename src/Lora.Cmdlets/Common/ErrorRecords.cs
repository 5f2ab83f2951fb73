using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Turns failures of the engine into error records: a stable id, a category, what the user named, what to do.</summary>
internal static class ErrorRecords
{
    /// <summary>One record, whose message lists every problem that the exception carries.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="target">The record's target; null for what the user named.</param>
    public static ErrorRecord Of(LoraException exception, object? target = null) =>
        new(exception, "Lora" + exception.Error, ErrorCategories.Of(exception.Error), target ?? exception.Problem.Target)
        {
            ErrorDetails = new ErrorDetails(exception.Message)
            {
                RecommendedAction = string.Join(" ", exception.Problems.Select(problem => problem.Advice).Distinct()),
            },
        };
}
