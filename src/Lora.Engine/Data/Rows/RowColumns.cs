using System.Collections.Frozen;

namespace Lora.Data;

/// <summary>What a column means.</summary>
internal enum ColumnMeaning
{
    Unknown,
    Messages,
    Text,
    Asked,

    /// <summary>What an instruction is about: <c>input</c> beside <c>instruction</c>.</summary>
    Input,
    Context,
    Answer,
    Choices,
    System,
    History,
    Tools,
    Reasoning,
    Better,
    Worse,
    Label,
    Unsupported,
}

/// <summary>The names that columns have in people's files, by what they mean. Letter case does not count.</summary>
internal static class RowColumns
{
    public const string Prompt = "prompt";
    public const string Completion = "completion";
    public const string Instruction = "instruction";
    public const string Input = "input";
    public const string Completions = "completions";

    private const string Unseen = "only text is learned from, and answers without what they are about would be wrong";

    private static readonly (ColumnMeaning Meaning, string[] Names)[] Meanings =
    [
        (ColumnMeaning.Messages, ["messages", "conversations", "conversation", "contents"]),
        (ColumnMeaning.Text, ["text", "content"]),
        (ColumnMeaning.Asked, ["question", Prompt, Instruction, "query", Input, "problem"]),
        (ColumnMeaning.Context, ["context", "article"]),
        (ColumnMeaning.Answer, ["answer", Completion, "response", "output", "answers", "solution", "generation"]),
        (ColumnMeaning.Choices, ["choices"]),
        (ColumnMeaning.System, ["system", "system_prompt", "systemInstruction"]),
        (ColumnMeaning.History, ["history"]),
        (ColumnMeaning.Tools, ["tools", "functions"]),
        (ColumnMeaning.Reasoning, ["reasoning", "reasoning_content", "thinking"]),
        // From here on there is nothing to learn from: Names ends before it.
        (ColumnMeaning.Better, ["chosen", "chosen_response", "preferred_output", "chosen_messages"]),
        (ColumnMeaning.Worse, ["rejected", "rejected_response", "non_preferred_output", "rejected_messages"]),
        (ColumnMeaning.Label, ["label", "kto_tag"]),
    ];

    /// <summary>Columns whose rows are not learned from, with what they are.</summary>
    public static readonly IReadOnlyDictionary<string, string> Unsupported = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["input_ids"] = "rows that are token ids already are not read: give their text",
        ["segments"] = "text with parts that are not learned is not supported yet",
        ["images"] = Unseen,
        ["videos"] = Unseen,
        ["audios"] = Unseen,
        [Completions] = "steps or several completions of one prompt wait for training by rewards; give a row for each that is to be learned",
    };

    private static readonly FrozenDictionary<string, (string Key, ColumnMeaning Meaning)> Known = Meanings
        .SelectMany(entry => entry.Names, (entry, name) => KeyValuePair.Create(name, (name, entry.Meaning)))
        .Concat(Unsupported.Keys.Select(name => KeyValuePair.Create(name, (name, ColumnMeaning.Unsupported))))
        .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Columns of rows that are classified.</summary>
    private static readonly string[] OfLabels = ["label", "labels", "tokens", "tags"];

    /// <summary>The names that a column may be given, all that mean something to be learned from.</summary>
    public static IEnumerable<string> Names => [.. Meanings.TakeWhile(entry => entry.Meaning != ColumnMeaning.Better).SelectMany(entry => entry.Names), .. OfLabels];

    /// <summary>A name as it is written here, with what it means; its own and unknown where it means nothing.</summary>
    public static (string Key, ColumnMeaning Meaning) Of(string name) => Known.TryGetValue(name, out (string, ColumnMeaning) found) ? found : (name, ColumnMeaning.Unknown);

    /// <summary>The names that mean something.</summary>
    public static string[] Of(ColumnMeaning meaning) => Meanings.First(entry => entry.Meaning == meaning).Names;
}
