using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>A completer that never throws, and never leaves the place to the shell's file names: where it knows nothing, what was typed stays.</summary>
public abstract class LoraCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        TypedWord word = new(wordToComplete ?? "");
        CompletionResult[] results = Guarded(parameterName, word, commandAst);
        return results.Length > 0 ? results : [word.Unchanged()];
    }

    /// <summary>What the word can become.</summary>
    /// <param name="parameter">The parameter whose value is typed.</param>
    /// <param name="word">The value, or the last one of a list, as far as it is typed.</param>
    /// <param name="command">The command with all that is typed of it.</param>
    internal abstract IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command);

    // A line that is still being typed is no place for errors, and what the shell catches itself it answers with file names.
    private CompletionResult[] Guarded(string parameter, TypedWord word, CommandAst command)
    {
        try
        {
            return [.. Complete(parameter, word, command)];
        }
        catch (Exception)
        {
            return [];
        }
    }
}
