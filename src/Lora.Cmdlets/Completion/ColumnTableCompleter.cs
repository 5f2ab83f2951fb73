using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>Completes -Column with a table of one entry, whose value is left to be typed. Inside of a table's braces the shell asks no completer.</summary>
public sealed class ColumnTableCompleter : LoraCompleter
{
    private static readonly (string Name, string Meaning)[] Meanings =
    [
        ("question", "What is asked, as a message of the user"),
        ("answer", "Its answer, which is learned"),
        ("prompt", "What is given; beside completion it is joined with it as it stands"),
        ("completion", "What is learned after a prompt"),
        ("messages", "A conversation: a list of messages"),
        ("text", "A text, all of which is learned"),
        ("instruction", "What is to be done; input follows it"),
        ("input", "What an instruction is about"),
        ("context", "What stands before the question"),
        ("system", "The system message"),
        ("history", "Earlier questions with their answers: a list of pairs"),
        ("tools", "The tools that the assistant may call"),
        ("reasoning", "What the assistant thinks before its answer"),
    ];

    internal override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command) =>
        from entry in Meanings
        where word.Begins(entry.Name)
        select new CompletionResult($"@{{ {entry.Name} = '' }}", entry.Name, CompletionResultType.ParameterValue, entry.Meaning);
}
