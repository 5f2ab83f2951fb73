using System.Globalization;
using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>
/// Finds where a template writes the parts of a conversation: a second rendering has marks around each part, and tells the places if it is the
/// first one but for the marks. A mark has a number that is the same for the same text, so that what is equal stays so for the template.
/// </summary>
internal sealed class ChatMarks
{
    // Characters of the private use area mean nothing; three that the text lacks are taken.
    private const char FirstMark = '\uE000';
    private const char LastMark = '\uF8FF';
    private const int Kinds = 3;
    private const string ThinkBegin = "<think>";
    private const string ThinkEnd = "</think>";

    private readonly char open; // then the number
    private readonly char numbered; // then the part
    private readonly char close;
    private readonly Dictionary<(bool IsReasoning, string Text), int> numbers = [];
    private readonly List<List<ChatPart>> parts = []; // by number

    private ChatMarks(char first)
    {
        open = first;
        numbered = (char)(first + 1);
        close = (char)(first + 2);
    }

    /// <summary>The messages with their marks.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; private set; } = [];

    /// <summary>The parts that are marked.</summary>
    public IEnumerable<ChatPart> Parts => parts.SelectMany(same => same);

    /// <summary>Marks messages; null for a text in which all characters of private use stand.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="text">What the template writes of it.</param>
    /// <param name="scope">What is marked.</param>
    public static ChatMarks? Of(IReadOnlyList<ChatMessage> messages, string text, MarkedScope scope)
    {
        char first = FirstMark;
        while (text.AsSpan().ContainsAnyInRange(first, (char)(first + Kinds - 1)))
        {
            first += (char)Kinds;
            if (first + Kinds > LastMark)
            {
                return null;
            }
        }

        ChatMarks marks = new(first);
        marks.Messages = [.. messages.Select((message, turn) => marks.Marked(message, turn, scope))];
        return marks;
    }

    /// <summary>The places of the parts, in the order of the text; those that the template does not write are not among them.</summary>
    /// <param name="marked">What the template writes of the marked messages.</param>
    /// <param name="text">What it writes of the messages.</param>
    /// <param name="isLearned">The turns whose parts must not be taken for those of others.</param>
    /// <returns>null where the template writes another text, half a part, or a part of a learned turn that cannot be told from its like.</returns>
    public IReadOnlyList<PlacedPart>? Places(string marked, string text, Func<int, bool> isLearned)
    {
        if (Read(marked, text) is not List<Range>[] found)
        {
            return null;
        }

        List<PlacedPart> placed = [];
        List<int> fewer = [];
        for (int number = 0; number < parts.Count; number++)
        {
            if (found[number].Count < parts[number].Count && found[number].Count > 0 && parts[number].Any(part => isLearned(part.Turn)))
            {
                fewer.Add(number);
            }
            else if (found[number].Count > parts[number].Count && parts[number].Any(part => isLearned(part.Turn)))
            {
                return null;
            }
            else
            {
                // What is not learned may stand more than once: tools repeat a question, for example.
                placed.AddRange(found[number].Select((range, index) => new PlacedPart(parts[number][Math.Min(index, parts[number].Count - 1)], range.Start.Value, range.End.Value)));
            }
        }

        return fewer.All(number => AddBeforeAnswers(placed, parts[number], found[number])) ? [.. placed.OrderBy(part => part.Start)] : null;
    }

    /// <summary>The places by number; null where a mark is lost or the text is another.</summary>
    private List<Range>[]? Read(string marked, string text)
    {
        List<Range>[] found = [.. parts.Select(_ => new List<Range>())];
        ReadOnlySpan<char> rest = marked;
        (int Number, int Start)? begun = null;
        int at = 0;
        while (true)
        {
            int length = rest.IndexOfAny(open, numbered, close);
            ReadOnlySpan<char> stretch = length < 0 ? rest : rest[..length];
            if (!text.AsSpan(at).StartsWith(stretch, StringComparison.Ordinal))
            {
                return null;
            }

            at += stretch.Length;
            if (length < 0)
            {
                return at == text.Length && begun is null ? found : null;
            }

            char mark = rest[length];
            rest = rest[(length + 1)..];
            if (mark == close && begun is (int ended, int start))
            {
                found[ended].Add(start..at);
                begun = null;
            }
            else if (mark == open && begun is null && rest.IndexOf(numbered) is int end and >= 0
                && int.TryParse(rest[..end], NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < found.Length)
            {
                begun = (number, at);
                rest = rest[(end + 1)..];
            }
            else
            {
                return null;
            }
        }
    }

    /// <summary>Of reasoning that several turns share and not all are written with, a place belongs to the turn whose answer comes next.</summary>
    private static bool AddBeforeAnswers(List<PlacedPart> placed, List<ChatPart> same, List<Range> found)
    {
        foreach (Range range in found)
        {
            PlacedPart answer = placed.Where(part => part.Start >= range.End.Value).DefaultIfEmpty().MinBy(part => part.Start);
            if (answer.Part is null || same.FirstOrDefault(part => part.Kind == ChatPartKind.Reasoning && part.Turn == answer.Part.Turn) is not ChatPart own)
            {
                return false;
            }

            placed.Add(new(own, range.Start.Value, range.End.Value));
        }

        return true;
    }

    private ChatMessage Marked(ChatMessage message, int turn, MarkedScope scope)
    {
        bool isAssistant = message.Role == ChatRoles.Assistant;
        return !isAssistant && scope != MarkedScope.All ? message : message.With((name, value) =>
            name == "content" ? Content(value, turn, isAssistant)
            : !isAssistant ? value
            : ChatRoles.IsReasoning(name) ? Text(value, turn, ChatPartKind.Reasoning)
            : name == "tool_calls" && value is ListValue calls ? new ListValue([.. calls.Members.Select(call => Call(call, turn, scope))])
            : value);
    }

    private Value Content(Value value, int turn, bool isAssistant) => value switch
    {
        TextValue text when isAssistant && text.Text.Contains(ThinkEnd, StringComparison.Ordinal) => text.With(Thought(text.Text, turn)),
        ListValue list => new ListValue([.. list.Members.Select(item => Changed(item, (name, member) => name == "text" ? Content(member, turn, isAssistant) : member))]),
        _ => Text(value, turn, ChatPartKind.Content),
    };

    /// <summary>Reasoning that stands in the content: templates take it apart from the answer.</summary>
    private string Thought(string content, int turn)
    {
        int end = content.IndexOf(ThinkEnd, StringComparison.Ordinal), answer = content.LastIndexOf(ThinkEnd, StringComparison.Ordinal) + ThinkEnd.Length;
        int begin = content.IndexOf(ThinkBegin, StringComparison.Ordinal) is int tag and >= 0 && tag < end ? tag + ThinkBegin.Length : 0;
        return content[..begin] + Around(content[begin..end], turn, ChatPartKind.Reasoning) + content[end..answer] + Around(content[answer..], turn, ChatPartKind.Content);
    }

    private Value Call(Value call, int turn, MarkedScope scope) => Changed(call, (name, value) => name switch
    {
        "function" => Call(value, turn, scope),
        "name" when scope != MarkedScope.AssistantWithoutNames => Text(value, turn, ChatPartKind.Call),
        "arguments" => Texts(value, turn),
        _ => value,
    });

    private Value Texts(Value value, int turn) => value switch
    {
        MapValue => Changed(value, (_, member) => Texts(member, turn)),
        ListValue list => new ListValue([.. list.Members.Select(member => Texts(member, turn))]),
        _ => Text(value, turn, ChatPartKind.Call),
    };

    private static Value Changed(Value value, Func<string, Value, Value> change) => value is MapValue map
        ? new MapValue(map.Pairs.Select(pair => pair.Key is TextValue name ? new(name, change(name.Text, pair.Value)) : pair))
        : value;

    private Value Text(Value value, int turn, ChatPartKind kind) => value is TextValue text ? text.With(Around(text.Text, turn, kind)) : value;

    private string Around(string text, int turn, ChatPartKind kind)
    {
        // Marks stand inside of the white space: templates trim messages, and would not find what to trim behind a mark.
        int start = 0, end = text.Length;
        while (start < end && TextMethods.IsSpace(text[start]))
        {
            start++;
        }

        while (end > start && TextMethods.IsSpace(text[end - 1]))
        {
            end--;
        }

        if (start == end)
        {
            return text;
        }

        ChatPart part = new(turn, kind, text[start..end]);
        // Reasoning has numbers of its own: where equal texts are not all written, its places are told by the answers behind them.
        (bool, string) key = (kind == ChatPartKind.Reasoning, part.Text);
        if (!numbers.TryGetValue(key, out int number))
        {
            numbers[key] = number = parts.Count;
            parts.Add([]);
        }

        parts[number].Add(part);
        return string.Create(CultureInfo.InvariantCulture, $"{text[..start]}{open}{number}{numbered}{part.Text}{close}{text[end..]}");
    }
}

/// <summary>What is marked in a conversation: all of it, or less where a template looks at what it writes.</summary>
internal enum MarkedScope
{
    /// <summary>Every message.</summary>
    All,

    /// <summary>The assistant's messages.</summary>
    Assistant,

    /// <summary>The assistant's messages without the names of the tools that it calls.</summary>
    AssistantWithoutNames,
}
