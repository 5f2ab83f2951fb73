using System.Collections.Concurrent;
using System.Text.Json;
using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>What a template writes between a message and the answer to it, and after an answer, and where it reads reasoning: found out from conversations of a word.</summary>
/// <param name="render">Writes a conversation, with what begins an answer or without.</param>
internal sealed class TurnBorders(Func<IReadOnlyList<ChatMessage>, JsonElement?, bool, string> render)
{
    private const char Open = '\uE000';
    private const char Close = '\uE001';

    private static readonly ChatMessage User = new(ChatRoles.User, "x");

    // Some templates want ids of nine letters.
    private static readonly ChatMessage Calling = ChatMessage.FromJson(JsonDocument.Parse(
        """{"role":"assistant","content":"","tool_calls":[{"id":"abcdef123","type":"function","function":{"name":"f","arguments":{"a":"WORD"}}}]}"""
            .Replace("WORD", Word, StringComparison.Ordinal)).RootElement);

    private static readonly ChatMessage Result = ChatMessage.FromJson(JsonDocument.Parse(
        $$"""{"role":"tool","content":"{{Word}}","tool_call_id":"abcdef123","name":"f"}""").RootElement);

    private readonly ConcurrentDictionary<(string? Role, bool HasTools), IReadOnlyList<string>> openings = [];
    private readonly ConcurrentDictionary<bool, string> closings = [];
    private readonly ConcurrentDictionary<bool, string> callClosings = [];
    private string? reasoningField;

    /// <summary>
    /// What stands between the end of a message and the answer to it: first as an answer is asked for, then as one is written down, at the end of a
    /// conversation and within one. Templates that ask for reasoning do not write down the one as the other.
    /// </summary>
    /// <param name="role">Who says the message; null where the answer is the first one.</param>
    /// <param name="tools">The tools of the conversation.</param>
    /// <returns>What the template says; nothing where it refuses such conversations, or white space alone stands there.</returns>
    public IReadOnlyList<string> Openings(string? role, JsonElement? tools) => openings.GetOrAdd((role, tools is not null), _ =>
    {
        ChatMessage[] asked = role switch
        {
            null => [],
            ChatRoles.Assistant => [User, new(role, Word)],
            ChatRoles.Tool => [User, Calling, Result],
            _ => [new(role, Word)],
        };
        ChatMessage answer = new(ChatRoles.Assistant, Word);
        return
        [
            .. new[] { Asked(asked, tools), Before([.. asked, answer], tools), Before([.. asked, answer, User], tools) }
                .OfType<string>().Where(text => !string.IsNullOrWhiteSpace(text)).Distinct(StringComparer.Ordinal),
        ];
    });

    /// <summary>What stands after an answer at the end of a conversation; empty where nothing does.</summary>
    public string Closing(JsonElement? tools) => closings.GetOrAdd(tools is not null, _ => After([User, new(ChatRoles.Assistant, Word)], tools));

    /// <summary>What stands after the last text of a tool call at the end of a conversation; empty where that is not known.</summary>
    public string CallClosing(JsonElement? tools) => callClosings.GetOrAdd(tools is not null, _ => After([User, Calling], tools));

    /// <summary>The field that the template reads an answer's reasoning from; the most usual one where it reads none.</summary>
    public string ReasoningField => reasoningField ??= ChatRoles.ReasoningFields.FirstOrDefault(IsWritten) ?? ChatRoles.ReasoningFields[0];

    private bool IsWritten(string field)
    {
        ChatMessage reasoned = new(new MapValue([.. new ChatMessage(ChatRoles.Assistant, "x").Fields.Pairs, new(new TextValue(field), new TextValue(Word))]));
        return Written([User, reasoned], null, false)?.Contains(Word, StringComparison.Ordinal) == true;
    }

    private string After(ChatMessage[] messages, JsonElement? tools) => Written(messages, tools, false) is string text ? Tail(text) ?? "" : "";

    private static string Word => $"{Open}x{Close}";

    /// <summary>What stands where an answer is asked for. Where a template begins answers to users, it has to begin this one: else it does not ask for it.</summary>
    private string? Asked(ChatMessage[] asked, JsonElement? tools)
    {
        bool begins = Written([User], tools, true) != Written([User], tools, false);
        return Written(asked, tools, true) is string text && (!begins || text != Written(asked, tools, false)) ? (asked.Length == 0 ? text : Tail(text)) : null;
    }

    /// <summary>What stands before the answer, from the end of the message before it, or from the beginning.</summary>
    private string? Before(ChatMessage[] messages, JsonElement? tools)
    {
        if (Written(messages, tools, false) is not string text || text.LastIndexOf(Open) is not (int answer and >= 0))
        {
            return null;
        }

        bool isFirst = messages[0].Role == ChatRoles.Assistant;
        int end = text[..answer].LastIndexOf(Close);
        return isFirst || end >= 0 ? text[(isFirst ? 0 : end + 1)..answer] : null;
    }

    private static string? Tail(string text) => text.LastIndexOf(Close) is int end and >= 0 ? text[(end + 1)..] : null;

    private string? Written(ChatMessage[] messages, JsonElement? tools, bool begins)
    {
        try
        {
            return render(messages, tools, begins);
        }
        catch (LoraException exception) when (ChatEncoder.IsRefusal(exception))
        {
            return null; // such a conversation is not the template's
        }
    }
}
