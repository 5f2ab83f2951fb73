using System.Collections;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that reads datasets: <see cref="DataOptions"/> as parameters, with the engine's defaults.</summary>
public abstract class DatasetCmdlet : AsyncLoraCmdlet
{
    private static readonly DataOptions Defaults = new();

    /// <summary>How rows are read, in place of what their columns say.</summary>
    [Parameter]
    public DatasetFormat? DatasetFormat { get; set; }

    /// <summary>Columns by names of their own: a known name, and the column that is read as it.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ColumnTableCompleter))]
    public IDictionary? Column { get; set; }

    /// <summary>Roles by names of their own: the name that messages have, and the role that it is.</summary>
    [Parameter]
    public IDictionary? DatasetRole { get; set; }

    /// <summary>What the text of files is in that has no byte order mark, in place of UTF-8.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public string? DatasetEncoding { get; set; }

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
    /// <exception cref="LoraException">ConfigValueInvalid: a table that names something twice.</exception>
    private protected DataOptions Rows(PathResolver paths) => new()
    {
        DatasetFormat = DatasetFormat,
        Column = Names(Column),
        DatasetRole = Names(DatasetRole),
        DatasetEncoding = DatasetEncoding,
        ChatTemplate = ChatTemplate is null || Lora.ChatTemplate.KnownNames.Contains(ChatTemplate, StringComparer.OrdinalIgnoreCase) ? ChatTemplate : paths.Full(ChatTemplate),
        SystemPrompt = SystemPrompt,
        SupervisedTurn = SupervisedTurn,
        AllowSpecialToken = AllowSpecialToken,
    };

    /// <summary>Names and what they stand for, of a table; none without one.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: a table that names something twice.</exception>
    internal static NameDictionary Names(IDictionary? table) => table is null ? NameDictionary.Empty
        : new(table.Cast<DictionaryEntry>().Select(entry => KeyValuePair.Create($"{entry.Key}", $"{entry.Value}")));
}
