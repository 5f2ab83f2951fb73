using System.Text.Json;

namespace Lora.Data;

/// <summary>Reads the messages of a conversation, as any of the usual programs writes them.</summary>
internal static class MessageReading
{
    // A turn may be several messages, each under the name of who says it.
    private static readonly (MessageKey Key, string Role)[] Sides =
        [(MessageKey.System, ChatRoles.System), (MessageKey.Human, ChatRoles.User), (MessageKey.User, ChatRoles.User), (MessageKey.Assistant, ChatRoles.Assistant)];

    /// <summary>The messages of a list.</summary>
    /// <param name="list">A JSON array.</param>
    /// <param name="column">Its name.</param>
    /// <param name="file">Says which names roles have, and notes the keys that are not used.</param>
    /// <exception cref="FormatException">What is wrong with a message.</exception>
    public static List<Turn> Read(JsonElement list, string column, DatasetFile file)
    {
        List<Turn> turns = new(list.GetArrayLength());
        foreach (JsonElement message in list.EnumerateArray())
        {
            MessageKeys keys = new(message, column, file);
            if (keys[MessageKey.TrainDetail] is not null)
            {
                throw new FormatException("a message has \"train_detail\": what is learned inside of a message is not supported yet");
            }

            switch (keys.Text(MessageKey.Role, MessageKey.From) is string name ? file.Rules.Role(name) : null)
            {
                case null:
                    AddSides(turns, keys, column, file);
                    break;
                case ChatRoles.Call:
                    AddCalls(turns, keys);
                    break;
                case string role:
                    Add(turns, role, keys, column, file);
                    break;
            }
        }

        return turns;
    }

    private static void Add(List<Turn> turns, string role, MessageKeys keys, string column, DatasetFile file)
    {
        MessageContent? content = keys.First(MessageKey.Content, MessageKey.Value, MessageKey.Parts) is JsonElement said ? MessageContent.Read(said, column, file) : null;
        bool? mark = keys.Mark();
        Turn turn = new(role)
        {
            Content = content?.Text ?? "",
            Name = keys.Text(MessageKey.Name),
            CallId = keys.Text(MessageKey.ToolCallId),
            Reasoning = keys.Text(MessageKey.ReasoningContent, MessageKey.Reasoning, MessageKey.Thinking) is { Length: > 0 } reasoning ? reasoning : content?.Reasoning,
            IsLearned = mark,
        };
        turn.Calls.AddRange(content?.Calls ?? []);
        if (keys[MessageKey.ToolCalls] is JsonElement calls)
        {
            turn.Calls.AddRange(ToolCalls.Read(calls, "tool_calls"));
        }

        if (keys[MessageKey.FunctionCall] is JsonElement call)
        {
            turn.Calls.AddRange(ToolCalls.Read(call, "function_call"));
        }

        if (content is null && turn.Calls.Count == 0 && turn.Reasoning is null)
        {
            throw new FormatException($"a message of role {RowReading.Quoted(role)} has no \"content\"");
        }

        // Results come first: they answer the calls of the message before, and what is said beside them comes after.
        foreach (Turn result in content?.Results ?? [])
        {
            result.IsLearned = mark;
            turns.Add(result);
        }

        // A message may hold nothing but what tools gave.
        if (content is not { Results.Count: > 0 } || turn.Content.Length > 0)
        {
            turns.Add(turn);
        }
    }

    /// <summary>Calls in a turn of their own, which with the assistant's turn straight before them are one message: templates refuse or misprint two.</summary>
    private static void AddCalls(List<Turn> turns, MessageKeys keys)
    {
        JsonElement calls = keys.First(MessageKey.Content, MessageKey.Value) ?? throw new FormatException("a message of calls has no \"content\"");
        bool? mark = keys.Mark();
        if (turns is not [.., { Role: ChatRoles.Assistant }])
        {
            turns.Add(new Turn(ChatRoles.Assistant) { IsLearned = mark });
        }

        Turn turn = turns[^1];
        turn.Calls.AddRange(ToolCalls.Read(calls, "content"));
        turn.IsLearned = (turn.IsLearned ?? true) == (mark ?? true) ? turn.IsLearned ?? mark
            : throw new FormatException("calls and the assistant's message before them are one message, and differ in whether it is learned");
    }

    private static void AddSides(List<Turn> turns, MessageKeys keys, string column, DatasetFile file)
    {
        int before = turns.Count;
        foreach ((MessageKey key, string role) in Sides)
        {
            if (keys[key] is JsonElement said)
            {
                turns.Add(new Turn(role) { Content = MessageContent.Read(said, column, file).Text, IsLearned = role == ChatRoles.Assistant ? keys.Mark() : null });
            }
        }

        if (turns.Count == before)
        {
            throw new FormatException("a message has no \"role\"");
        }
    }
}
