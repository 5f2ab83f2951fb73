using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>Completes a parameter that has a known set of values besides free ones.</summary>
/// <param name="values">The values and what they mean.</param>
public abstract class FixedCompleter(params IReadOnlyList<(string Value, string Meaning)> values) : LoraCompleter
{
    internal sealed override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command) =>
        from entry in values
        where word.Begins(entry.Value)
        select word.Value(entry.Value, entry.Meaning);
}
