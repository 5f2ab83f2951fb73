using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>Completes -ChatTemplate: the well-known names, then files.</summary>
public sealed class ChatTemplateCompleter : LoraCompleter
{
    internal override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command) =>
    [
        .. ChatTemplate.KnownNames.Where(word.Begins).Select(name => word.Value(name, $"The chat template {name}, which comes with the module")),
        .. CompletionCompleters.CompleteFilename(word.Text),
    ];
}
