using System.Text.Json;
using Lora.Generation;

namespace Lora;

/// <summary>What a model goes on: a text as it stands, or a conversation, whose next turn is the answer.</summary>
public sealed class LoraPrompt
{
    private LoraPrompt(string? text, IReadOnlyList<ChatMessage>? messages, JsonElement? tools)
    {
        Text = text;
        Messages = messages;
        Tools = tools;
    }

    /// <summary>The text; null for a conversation.</summary>
    public string? Text { get; }

    /// <summary>The turns of the conversation; null for a text.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; }

    /// <summary>A JSON array of tools that the conversation has; null for none.</summary>
    public JsonElement? Tools { get; }

    /// <summary>A text that is gone on.</summary>
    public static LoraPrompt Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new(text, null, null);
    }

    /// <summary>A conversation that is answered: the chat template writes it, with what begins an answer.</summary>
    /// <param name="messages">The turns; at least one.</param>
    /// <param name="tools">A JSON array of tools, each described by a JSON schema; null for none.</param>
    public static LoraPrompt Of(IReadOnlyList<ChatMessage> messages, JsonElement? tools = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentOutOfRangeException.ThrowIfZero(messages.Count, nameof(messages));
        return new(null, [.. messages], tools);
    }

    /// <summary>
    /// A row, as datasets have it, without its answer: messages up to the last that is not the assistant's, what is asked in a column of its own, a prompt or a text
    /// as it stands.
    /// </summary>
    /// <param name="row">A JSON object.</param>
    /// <param name="number">Which of several it is, for messages; from 1.</param>
    /// <exception cref="LoraException">RowInvalid: it is none of these, or what is wrong with a message.</exception>
    public static LoraPrompt FromRow(JsonElement row, int number = 1) => PromptReading.Read(row, number);

    /// <summary>The same with a system message before it: a conversation that has none of its own.</summary>
    /// <param name="text">What the message says.</param>
    public LoraPrompt WithSystem(string text) =>
        Messages is null || Messages.Any(message => message.Role is "system" or "developer") ? this : Of([new ChatMessage("system", text), .. Messages], Tools);

    /// <summary>The same as a conversation: a text becomes the user's message.</summary>
    public LoraPrompt AsConversation() => Text is string text ? Of([new ChatMessage("user", text)]) : this;

    /// <inheritdoc/>
    public override string ToString() => Text ?? Messages![^1].Content ?? "";
}
