using System.Text.Json;
using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>One row of a dataset: a text, a prompt with its completion, a conversation, a text with its labels, or a question with choices.</summary>
/// <param name="Line">Where the row stands in its file, from 1: its first line, or its number in a JSON array.</param>
public abstract record DatasetRow(int Line)
{
    /// <summary>Why there is nothing to learn from the row, as the end of a sentence: it is left out, "with an empty text"; null where there is something.</summary>
    internal abstract string? Lack { get; }
}

/// <summary>A text, all of which is to be learned.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Text">The text as it stands.</param>
/// <param name="IsDocument">Whether the text is a whole document, of which nothing is dropped: a long one becomes several examples.</param>
public sealed record TextRow(int Line, string Text, bool IsDocument = false) : DatasetRow(Line)
{
    /// <inheritdoc/>
    internal override string? Lack => Text.Length == 0 ? "with an empty text" : null;
}

/// <summary>A prompt, which is given, and its completion, which is to be learned; they are joined as they stand.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Prompt">What is given.</param>
/// <param name="Completion">What is to be learned.</param>
public sealed record CompletionRow(int Line, string Prompt, string Completion) : DatasetRow(Line)
{
    /// <inheritdoc/>
    internal override string? Lack => Completion.Length == 0 ? "with an empty completion" : null;
}

/// <summary>A conversation, which the model's chat template writes.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Turns">The messages in their order.</param>
/// <param name="Tools">A JSON array of the tools that the assistant may call; null for none.</param>
public sealed record ChatRow(int Line, IReadOnlyList<ChatTurn> Turns, JsonElement? Tools = null) : DatasetRow(Line)
{
    /// <inheritdoc/>
    internal override string? Lack => Turns.Count == 0 ? "without messages"
        : Turns.Any(turn => turn.Learns) ? null
        : Turns.Any(turn => turn.IsAssistants && turn.IsLearned != false) ? "with an empty answer"
        : "without a message that is learned";
}

/// <summary>A message of a conversation.</summary>
/// <param name="Message">The message as chat templates see it: role, content, tool_calls, reasoning_content ...</param>
/// <param name="IsLearned">What the row says of it (<c>weight</c> 1 or 0); null where it says nothing, and the assistant's messages are learned.</param>
public sealed record ChatTurn(ChatMessage Message, bool? IsLearned = null)
{
    /// <summary>Whether the assistant says it.</summary>
    internal bool IsAssistants => Message.Role == ChatRoles.Assistant;

    /// <summary>Whether it is learned where each of the assistant's messages is: it is marked, or the assistant's and not marked, and says or calls something.</summary>
    internal bool Learns => (IsLearned ?? IsAssistants) && !IsEmpty;

    /// <summary>Whether it has neither content nor reasoning nor calls of tools; white space alone is nothing.</summary>
    internal bool IsEmpty => Message.Fields.Pairs.All(member =>
        member.Key is not TextValue { Text: string name } || !(name is "content" or "tool_calls" || ChatRoles.IsReasoning(name)) || IsBlank(member.Value));

    private static bool IsBlank(Value value) => value switch
    {
        TextValue text => string.IsNullOrWhiteSpace(text.Text),
        ListValue { Members.Count: > 0 } list => list.Members.All(item => item is MapValue part && part.Find("text") is TextValue words && IsBlank(words)),
        _ => !value.IsTrue,
    };
}
