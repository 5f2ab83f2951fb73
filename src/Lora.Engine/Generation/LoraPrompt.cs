using System.Text.Json;

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

    /// <inheritdoc/>
    public override string ToString() => Text ?? Messages![^1].Content ?? "";
}
