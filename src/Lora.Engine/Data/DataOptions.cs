using Lora.Data;
using Lora.Selection;
using Lora.Text;

namespace Lora;

/// <summary>How rows are read, and what of them is learned. The values are checked by <see cref="Check"/> before any work.</summary>
public sealed record DataOptions
{
    /// <summary>How rows are read; null for what their columns say.</summary>
    public DatasetFormat? DatasetFormat { get; init; }

    /// <summary>
    /// Columns by names of their own: for a known name, such as <c>prompt</c>, <c>answer</c>, <c>messages</c> or <c>text</c>, the column that is read as
    /// if it had that name, in place of one that has.
    /// </summary>
    public NameDictionary Column { get; init; } = NameDictionary.Empty;

    /// <summary>Roles by names of their own: for the name that messages have the role that it is: system, user, assistant or tool.</summary>
    public NameDictionary DatasetRole { get; init; } = NameDictionary.Empty;

    /// <summary>What the text of files is in that has no byte order mark: a name of .NET's, such as <c>windows-1252</c>, or the number of a code page. Null for UTF-8.</summary>
    public string? DatasetEncoding { get; init; }

    /// <summary>
    /// The chat template that conversations are written by: a well-known name (<see cref="Lora.ChatTemplate.KnownNames"/>), or the full path of a file
    /// or of the folder of a model that has one. Null for the model's own.
    /// </summary>
    public string? ChatTemplate { get; init; }

    /// <summary>What stands as the system message before conversations that have none; null for nothing.</summary>
    public string? SystemPrompt { get; init; }

    /// <summary>Which of the assistant's messages are learned, where a row marks none.</summary>
    public SupervisedTurn SupervisedTurn { get; init; } = SupervisedTurn.All;

    /// <summary>Whether special tokens that messages spell become tokens; else they are characters as any others, and only the template's own are tokens.</summary>
    public bool AllowSpecialToken { get; init; }

    /// <summary>Every value that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check()
    {
        List<LoraProblem> problems = [];
        if (ChatTemplate is not null && !ChatTemplateFiles.IsThere(ChatTemplate))
        {
            problems.Add(new(LoraError.ChatTemplateUnknown, ChatTemplate, ChatTemplate, string.Join(", ", Lora.ChatTemplate.KnownNames)));
        }

        if (DatasetEncoding is not null && TextEncodings.Find(DatasetEncoding) is null)
        {
            problems.Add(new(LoraError.ConfigValueInvalid, DatasetEncoding, nameof(DatasetEncoding), $"'{DatasetEncoding}'", "the name of an encoding, such as windows-1252, iso-8859-15, shift_jis or gb18030"));
        }

        string[] known = [.. RowColumns.Names];
        problems.AddRange(Column.Keys.Where(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase)).Select(name => new LoraProblem(
            LoraError.ConfigValueInvalid, name, $"A name on the left of {nameof(Column)}", $"'{name}'",
            $"{(NearestNames.Find(name, known) is [string nearest, ..] ? $"'{nearest}' or another" : "one")} of {string.Join(", ", known)}")));
        problems.AddRange(Column.GroupBy(pair => pair.Value, StringComparer.OrdinalIgnoreCase).Where(names => names.Skip(1).Any())
            .Select(names => Value(nameof(Column), string.Join(", ", names.Select(pair => pair.Key)), names.Key, "another column for each name")));
        problems.AddRange(DatasetRole.Where(role => ChatRoles.Find(role.Value) is null)
            .Select(role => Value(nameof(DatasetRole), role.Key, role.Value, "system, user, assistant or tool")));
        return problems;
    }

    private static LoraProblem Value(string option, string name, string value, string expected) =>
        new(LoraError.ConfigValueInvalid, value, $"{option} '{name}'", $"'{value}'", expected);
}

/// <summary>Which of the assistant's messages are learned.</summary>
public enum SupervisedTurn
{
    /// <summary>Each.</summary>
    All,

    /// <summary>The last one of a conversation.</summary>
    Last,
}
