using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that reads datasets: <see cref="DataOptions"/> as parameters, with the engine's defaults.</summary>
public abstract class DatasetCmdlet : AsyncLoraCmdlet
{
    private static readonly DataOptions Defaults = new();

    /// <summary>What writes conversations in place of the model's own chat template: a well-known name, a file, or the folder of another model.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ChatTemplateCompleter))]
    public string? ChatTemplate { get; set; }

    /// <summary>The system message of conversations that have none.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? SystemPrompt { get; set; }

    /// <summary>Which of the assistant's messages are learned.</summary>
    [Parameter]
    public SupervisedTurn SupervisedTurn { get; set; } = Defaults.SupervisedTurn;

    /// <summary>Makes special tokens that messages spell tokens, not characters.</summary>
    [Parameter]
    public SwitchParameter AllowSpecialToken { get; set; }

    /// <summary>The options that were given.</summary>
    private protected DataOptions Rows(PathResolver paths) => new()
    {
        ChatTemplate = ChatTemplate is null || Lora.ChatTemplate.KnownNames.Contains(ChatTemplate, StringComparer.OrdinalIgnoreCase) ? ChatTemplate : paths.Full(ChatTemplate),
        SystemPrompt = SystemPrompt,
        SupervisedTurn = SupervisedTurn,
        AllowSpecialToken = AllowSpecialToken,
    };
}
