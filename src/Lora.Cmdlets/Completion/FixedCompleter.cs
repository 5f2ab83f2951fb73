using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>Completes a parameter that has a known set of values besides free ones.</summary>
/// <param name="values">The values and what they mean.</param>
public abstract class FixedCompleter(params IReadOnlyList<(string Value, string Meaning)> values) : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        from entry in values
        where entry.Value.StartsWith((wordToComplete ?? "").Trim('\'', '"'), StringComparison.OrdinalIgnoreCase)
        select new CompletionResult(entry.Value, entry.Value, CompletionResultType.ParameterValue, entry.Meaning);
}
