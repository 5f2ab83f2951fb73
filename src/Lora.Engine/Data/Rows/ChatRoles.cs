using System.Collections.Frozen;

namespace Lora.Data;

/// <summary>The names that roles have in people's files. Letter case does not count.</summary>
internal static class ChatRoles
{
    public const string System = "system";
    public const string User = "user";
    public const string Assistant = "assistant";
    public const string Tool = "tool";

    /// <summary>The assistant calling tools, in a turn whose content is the calls.</summary>
    public const string Call = "tool_call";

    private static readonly FrozenDictionary<string, string> Known = new (string Role, string[] Names)[]
    {
        (System, [System, "developer"]),
        (User, [User, "human"]),
        (Assistant, [Assistant, "gpt", "chatgpt", "bing", "bard", "bot", "chatbot", "model"]),
        (Tool, [Tool, "function", "observation", "observations", "tool_response", "function_response", "ipython"]),
        (Call, [Call, "function_call"]),
    }
        .SelectMany(entry => entry.Names, (entry, name) => KeyValuePair.Create(name, entry.Role)).ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>The fields of a message that hold reasoning, the most usual first.</summary>
    public static readonly IReadOnlyList<string> ReasoningFields = ["reasoning_content", "reasoning", "thinking"];

    /// <summary>Whether a field of a message holds reasoning.</summary>
    public static bool IsReasoning(string field) => ReasoningFields.Contains(field);

    /// <summary>The role of a name; null where it has none.</summary>
    public static string? Find(string name) => Known.GetValueOrDefault(name);
}
