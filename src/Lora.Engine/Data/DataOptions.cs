using Lora.Text;

namespace Lora;

/// <summary>How rows are read, and what of them is learned. The values are checked by <see cref="Check"/> before any work.</summary>
public sealed record DataOptions
{
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
    public IReadOnlyList<LoraProblem> Check() => ChatTemplate is null || ChatTemplateFiles.IsThere(ChatTemplate)
        ? []
        : [new(LoraError.ChatTemplateUnknown, ChatTemplate, ChatTemplate, string.Join(", ", Lora.ChatTemplate.KnownNames))];
}

/// <summary>Which of the assistant's messages are learned.</summary>
public enum SupervisedTurn
{
    /// <summary>Each.</summary>
    All,

    /// <summary>The last one of a conversation.</summary>
    Last,
}
