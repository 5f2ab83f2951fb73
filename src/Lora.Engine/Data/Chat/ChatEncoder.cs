using System.Text.Json;
using Lora.Text;
using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>
/// Writes conversations by a chat template and tells what of the text is learned: the assistant's messages up to the end of their turns. What the
/// template marks by <c>{% generation %}</c> is taken; else each message is found by marks around its parts (<see cref="ChatMarks"/>), and by what the
/// template writes before an answer and after it (<see cref="TurnBorders"/>). What cannot be told is refused, never guessed.
/// </summary>
internal sealed class ChatEncoder
{
    private const int ShortestMarker = 3;

    private static readonly JsonElement Tool = JsonDocument.Parse("""[{"type":"function","function":{"name":"x","description":"x","parameters":{"type":"object","properties":{}}}}]""").RootElement;

    private readonly ChatTemplate template;
    private readonly Tokenizer tokenizer;
    private readonly DataOptions options;
    private readonly TimeProvider clock;
    private readonly TurnBorders borders;
    private int? overhead;

    /// <param name="template">What writes conversations.</param>
    /// <param name="tokenizer">The model's tokenizer: its special tokens end turns.</param>
    /// <param name="options">What is learned.</param>
    /// <param name="clock">The time that templates write.</param>
    public ChatEncoder(ChatTemplate template, Tokenizer tokenizer, DataOptions options, TimeProvider clock)
    {
        this.template = template;
        this.tokenizer = tokenizer;
        this.options = options;
        this.clock = clock;
        borders = new((messages, tools, begins) => Render(messages, tools, begins, default).Text);
    }

    /// <summary>An encoder that is made when there is a conversation: a model without a chat template still learns from texts.</summary>
    /// <param name="chosen">The template.</param>
    /// <param name="tokenizer">The tokenizer; special tokens are named beside it.</param>
    /// <param name="options">What is learned.</param>
    /// <param name="clock">The time that templates write.</param>
    public static Lazy<ChatEncoder> Of(ChosenTemplate chosen, Tokenizer tokenizer, DataOptions options, TimeProvider clock) =>
        new(() => new(chosen.Load(Path.GetDirectoryName(tokenizer.Path)!), tokenizer, options, clock));

    /// <summary>What writes conversations.</summary>
    public ChatTemplate Template => template;

    /// <summary>What the template writes between a user's message and the answer: by it, text that the template wrote can be told.</summary>
    public IReadOnlyList<string> Markers =>
        [.. borders.Openings(ChatRoles.User, null).SelectMany(opening => opening.Split('\n', StringSplitOptions.TrimEntries)).Where(line => line.Length >= ShortestMarker).Distinct()];

    /// <summary>The tokens that end the assistant's turn.</summary>
    public IReadOnlyList<int> EndIds => EndOfTurn is string end && tokenizer.IdOf(end) is int id ? [id] : [];

    private string? EndOfTurn => borders.Closing(null) is string closing && tokenizer.FindSpecial(closing) is (int start, int end) ? closing[start..end] : null;

    /// <summary>A conversation of single words, for a look at what the template writes around them; empty where it refuses.</summary>
    /// <param name="tools">The tools that it has.</param>
    public string Sample(JsonElement? tools = null)
    {
        ChatMessage[] asked = [.. Opened([new(new(ChatRoles.User, "x"))]).Select(turn => turn.Message)];
        // Both, since templates that ask for reasoning do not begin an answer that is asked for as one that is written down.
        return Written([.. asked, new(ChatRoles.Assistant, "x")], tools, begins: false, default) + Written(asked, tools, begins: true, default);
    }

    /// <summary>Tokens that a template may write beside what a row holds: its own system prompt, or how tools are called.</summary>
    public int Overhead => overhead ??= new[] { Sample(), Sample(Tool) }.Max(text => tokenizer.Encode(text, addSpecialTokens: false).Length);

    /// <summary>Writes a conversation; null where nothing of it is to be learned.</summary>
    /// <param name="row">The conversation.</param>
    /// <param name="cancellation">Stops a long rendering.</param>
    /// <exception cref="FormatException">The template cannot write it, or what is learned cannot be told: why.</exception>
    /// <exception cref="LoraException"><see cref="LoraError.ChatTemplateFailed"/>: the template took more work than a template may; it would with the next row too.</exception>
    public ChatText? Write(ChatRow row, CancellationToken cancellation)
    {
        ChatTurn[] turns = [.. Opened(row.Turns)];
        ChatMessage[] messages = [.. turns.Select(turn => turn.Message)];
        bool[] learned = LearnedTurns(turns);
        if (!learned.Contains(true))
        {
            return null;
        }

        try
        {
            ChatRendering rendering = Render(messages, row.Tools, begins: false, cancellation);
            FoundParts found = Find(messages, row.Tools, rendering.Text, learned, cancellation);
            LearnedSpans spans = new(rendering, messages, found.Placed, borders, tokenizer, (some, begins) => Written(some, row.Tools, begins, cancellation), row.Tools);
            Range[] ranges = [.. spans.Of(learned)];
            IReadOnlyList<Range>? literal = options.AllowSpecialToken || found.Spelled.Count == 0 ? null : found.Spelled;
            RowNotes notes = (turns.Any(turn => turn.IsAssistants && turn.IsLearned != false && turn.IsEmpty) ? RowNotes.EmptyTurn : 0)
                | (found.HasUnwrittenReasoning ? RowNotes.UnwrittenReasoning : 0)
                | (found.HasUnwrittenMessage ? RowNotes.UnwrittenMessage : 0)
                | (literal is null ? 0 : RowNotes.SpelledToken);
            return ranges.Length == 0 ? null : new(Pieces(rendering.Text, ranges, literal), spans.IsOpen, notes);
        }
        catch (Exception exception) when (exception is JinjaFailure || IsRefusal(exception))
        {
            throw new FormatException(exception.Message.TrimEnd('.'), exception);
        }
    }

    /// <summary>Writes a prompt as a user's message, with what begins the answer.</summary>
    /// <exception cref="LoraException">What <see cref="ChatTemplate.Render"/> throws.</exception>
    public TextPiece WritePrompt(string prompt, CancellationToken cancellation) => WritePrompt([new(ChatRoles.User, prompt)], null, cancellation);

    /// <summary>Writes a conversation, with what begins the answer to it.</summary>
    /// <exception cref="LoraException">What <see cref="ChatTemplate.Render"/> throws.</exception>
    public TextPiece WritePrompt(IReadOnlyList<ChatMessage> asked, JsonElement? tools, CancellationToken cancellation)
    {
        ChatMessage[] messages = [.. Opened([.. asked.Select(message => new ChatTurn(message))]).Select(turn => turn.Message)];
        string text = Render(messages, tools, begins: true, cancellation).Text;
        IReadOnlyList<PlacedPart>? placed = options.AllowSpecialToken || ChatMarks.Of(messages, text, MarkedScope.All) is not ChatMarks marks
            ? null : marks.Places(Render(marks.Messages, tools, begins: true, cancellation).Text, text, _ => false);
        return new(text, false, placed is null ? null : Spelled(placed));
    }

    /// <summary>The conversation with the system prompt before it, if it has none, and with reasoning where the template reads it.</summary>
    private IEnumerable<ChatTurn> Opened(IReadOnlyList<ChatTurn> turns)
    {
        IEnumerable<ChatTurn> read = turns.Select(turn => Reasoning(turn.Message) is string field && turn.Message.Fields.Find(borders.ReasoningField) is null
            ? turn with { Message = turn.Message.Renamed(field, borders.ReasoningField) }
            : turn);
        return options.SystemPrompt is string prompt && !turns.Any(turn => turn.Message.Role is ChatRoles.System or "developer")
            ? read.Prepend(new(new(ChatRoles.System, prompt)))
            : read;

        static string? Reasoning(ChatMessage message) => ChatRoles.ReasoningFields.FirstOrDefault(field => message.Fields.Find(field) is not null);
    }

    /// <summary>Which turns are learned: as their row says, else the assistant's; an empty one never is.</summary>
    private bool[] LearnedTurns(ChatTurn[] turns)
    {
        bool[] learned = [.. turns.Select(turn => turn.Learns)];
        if (options.SupervisedTurn == SupervisedTurn.Last)
        {
            int last = Array.FindLastIndex(turns, turn => turn.IsAssistants && !turn.IsEmpty);
            for (int turn = 0; turn < last; turn++)
            {
                // A row's own mark goes before the option.
                learned[turn] &= turns[turn].IsLearned == true;
            }
        }

        return learned;
    }

    /// <summary>Finds the parts of the messages in the text, by as many marks as the template bears.</summary>
    private FoundParts Find(ChatMessage[] messages, JsonElement? tools, string text, bool[] learned, CancellationToken cancellation)
    {
        string reason = "changes when its messages are marked";
        ChatPart[]? all = null;
        foreach (MarkedScope scope in Enum.GetValues<MarkedScope>())
        {
            if (ChatMarks.Of(messages, text, scope) is not ChatMarks marks)
            {
                reason = "has every character of private use";
                break;
            }

            ChatPart[] parts = [.. marks.Parts];
            all ??= parts;
            if (Written(marks.Messages, tools, begins: false, cancellation) is not string marked || marks.Places(marked, text, turn => learned[turn]) is not IReadOnlyList<PlacedPart> placed)
            {
                continue;
            }

            HashSet<ChatPart> written = [.. placed.Select(place => place.Part)];
            ChatPart[] lost = [.. parts.Where(part => !written.Contains(part))];
            HashSet<int> found = [.. placed.Select(place => place.Part.Turn)];
            // Reasoning may be missing, which is noted and no more: many templates drop that of earlier turns.
            if ((lost.FirstOrDefault(part => learned[part.Turn] && part.Kind != ChatPartKind.Reasoning)
                ?? all.FirstOrDefault(part => learned[part.Turn] && part.Kind != ChatPartKind.Reasoning && !found.Contains(part.Turn))) is ChatPart missing)
            {
                reason = missing.Kind == ChatPartKind.Call ? "lacks a tool call that is to be learned" : "lacks a message that is to be learned";
                continue;
            }

            // Where users' messages bear no marks, what they spell cannot be told from what the template writes, and would become tokens.
            if (scope != MarkedScope.All && !options.AllowSpecialToken && all.Any(part => messages[part.Turn].Role != ChatRoles.Assistant && Spells(part)))
            {
                reason = "changes when its messages are marked, and one of them spells a special token, which -AllowSpecialToken allows";
                break;
            }

            return new(placed, Spelled(placed), lost.Any(part => part.Kind == ChatPartKind.Reasoning), lost.Any(part => part.Kind == ChatPartKind.Content));
        }

        throw new FormatException($"what the chat template of '{template.Path}' writes {reason}: what is learned of it cannot be told; give a template with {{% generation %}} by -ChatTemplate");
    }

    private List<Range> Spelled(IEnumerable<PlacedPart> placed) => [.. placed.Where(place => Spells(place.Part)).Select(place => place.Start..place.End)];

    private bool Spells(ChatPart part) => tokenizer.FindSpecial(part.Text) is not null;

    private static List<TextPiece> Pieces(string text, Range[] ranges, IReadOnlyList<Range>? literal)
    {
        List<TextPiece> pieces = [];
        int done = 0;
        foreach (Range range in ranges)
        {
            Add(done, range.Start.Value, isLearned: false);
            // Ranges may overlap: a template may mark one stretch inside of another.
            Add(Math.Max(done, range.Start.Value), range.End.Value, isLearned: true);
            done = Math.Max(done, range.End.Value);
        }

        Add(done, text.Length, isLearned: false);
        return pieces;

        void Add(int start, int end, bool isLearned)
        {
            if (end > start)
            {
                pieces.Add(new(text[start..end], isLearned, Literal.Within(literal, start, end)));
            }
        }
    }

    private ChatRendering Render(IReadOnlyList<ChatMessage> messages, JsonElement? tools, bool begins, CancellationToken cancellation) =>
        template.Render(messages, tools, begins, clock: clock, cancellation: cancellation);

    /// <summary>What the template writes; null where it refuses.</summary>
    private string? Written(IReadOnlyList<ChatMessage> messages, JsonElement? tools, bool begins, CancellationToken cancellation)
    {
        try
        {
            return Render(messages, tools, begins, cancellation).Text;
        }
        catch (LoraException exception) when (IsRefusal(exception))
        {
            return null;
        }
    }

    /// <summary>Whether a template refused a conversation, and did not run on without end.</summary>
    internal static bool IsRefusal(Exception exception) => exception is LoraException { InnerException: not JinjaFailure { IsExhausted: true } };

    private sealed record FoundParts(IReadOnlyList<PlacedPart> Placed, IReadOnlyList<Range> Spelled, bool HasUnwrittenReasoning, bool HasUnwrittenMessage);
}

/// <summary>A conversation as its template writes it.</summary>
/// <param name="Pieces">The text, cut where what is given and what is learned meet.</param>
/// <param name="IsOpen">Whether the last piece is learned and the template writes no end of it.</param>
/// <param name="Notes">What befell it.</param>
internal sealed record ChatText(IReadOnlyList<TextPiece> Pieces, bool IsOpen, RowNotes Notes);
