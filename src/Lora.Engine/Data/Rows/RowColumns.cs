namespace Lora.Data;

/// <summary>The names that columns have in people's files, by what they mean. Letter case does not count.</summary>
internal static class RowColumns
{
    public static readonly string[] Messages = ["messages", "conversations", "conversation", "contents"];
    public static readonly string[] Text = ["text", "content"];
    public static readonly string[] Asked = ["prompt", "instruction", "question", "query", "input", "problem"];
    public static readonly string[] Answer = ["completion", "response", "output", "answer", "answers", "solution", "generation"];
    public static readonly string[] System = ["system", "system_prompt", "systemInstruction"];
    public static readonly string[] Better = ["chosen", "chosen_response", "preferred_output", "chosen_messages"];
    public static readonly string[] Worse = ["rejected", "rejected_response", "non_preferred_output", "rejected_messages"];
    public static readonly string[] Label = ["label", "kto_tag"];

    /// <summary>Columns whose rows are not learned from, with what they are.</summary>
    public static readonly IReadOnlyDictionary<string, string> Unsupported = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["input_ids"] = "rows that are token ids already are not read: give their text",
        ["segments"] = "text with parts that are not learned is not supported yet",
        ["images"] = "pictures are not learned from, and answers without them would be wrong",
    };

    private static readonly HashSet<string> Known = new(
        [.. Messages, .. Text, .. Asked, .. Answer, .. System, .. Better, .. Worse, .. Label, .. Unsupported.Keys], StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a name means something.</summary>
    public static bool IsKnown(string name) => Known.Contains(name);

    /// <summary>Whether a column has one of some names.</summary>
    public static bool Has(this RowField field, string[] names) => names.Contains(field.Name, StringComparer.OrdinalIgnoreCase);
}
