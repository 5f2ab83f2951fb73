namespace Lora.Data;

/// <summary>A stretch of a message that chat templates write as it stands: a text without the white space around it.</summary>
/// <param name="Turn">The message's place in the conversation, from 0.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The characters, at least one.</param>
internal sealed record ChatPart(int Turn, ChatPartKind Kind, string Text);

/// <summary>What a part of a message is.</summary>
internal enum ChatPartKind
{
    /// <summary>The message itself.</summary>
    Content,

    /// <summary>What was thought before it, in a field of its own or before <c>&lt;/think&gt;</c>.</summary>
    Reasoning,

    /// <summary>The name of a tool that is called, or a text among its arguments.</summary>
    Call,
}

/// <summary>A part and where it stands in the text of the conversation.</summary>
internal readonly record struct PlacedPart(ChatPart Part, int Start, int End);
