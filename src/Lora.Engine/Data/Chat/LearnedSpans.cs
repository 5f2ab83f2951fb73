using System.Text.Json;
using Lora.Text;

namespace Lora.Data;

/// <summary>Where in a conversation's text the turns are that are learned: from where the model is asked to answer to the end of its turn.</summary>
/// <param name="rendering">The text.</param>
/// <param name="messages">The conversation.</param>
/// <param name="placed">The parts of its messages, in the order of the text.</param>
/// <param name="borders">What the template writes around answers.</param>
/// <param name="tokenizer">Its special tokens end turns.</param>
/// <param name="write">What the template writes of the first messages alone, with what begins an answer or without; null where it refuses.</param>
/// <param name="tools">The tools of the conversation.</param>
internal sealed class LearnedSpans(
    ChatRendering rendering,
    IReadOnlyList<ChatMessage> messages,
    IReadOnlyList<PlacedPart> placed,
    TurnBorders borders,
    Tokenizer tokenizer,
    Func<IReadOnlyList<ChatMessage>, bool, string?> write,
    JsonElement? tools)
{
    private readonly string text = rendering.Text;
    private readonly ILookup<int, PlacedPart> byTurn = placed.ToLookup(part => part.Part.Turn);

    /// <summary>Whether the text ends within a learned turn: the template writes no end of it.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>The spans, in the order of the text.</summary>
    /// <param name="learned">For each message whether it is learned.</param>
    /// <exception cref="FormatException">A turn's beginning or end cannot be told.</exception>
    public IEnumerable<Range> Of(bool[] learned) => Enumerable.Range(0, learned.Length).Where(turn => learned[turn] && byTurn.Contains(turn)).SelectMany(Of).OrderBy(range => range.Start.Value);

    private IEnumerable<Range> Of(int turn)
    {
        PlacedPart first = byTurn[turn].MinBy(part => part.Start), last = byTurn[turn].MaxBy(part => part.End);
        if (placed.Any(part => part.Part.Turn != turn && part.Start < last.End && part.End > first.Start))
        {
            throw Unknown("stands in more than one place");
        }

        int from = placed.Where(part => part.Part.Turn != turn && part.End <= first.Start).Select(part => part.End).DefaultIfEmpty(0).Max();
        int to = placed.Where(part => part.Part.Turn != turn && part.Start >= last.End).Select(part => part.Start).DefaultIfEmpty(text.Length).Min();
        if (rendering.Generated is IReadOnlyList<Range> generated && messages[turn].Role == ChatRoles.Assistant)
        {
            return generated.Where(range => byTurn[turn].Any(part => part.Start >= range.Start.Value && part.End <= range.End.Value))
                .Select(range => range.Start.Value..Generated(range.End.Value, last.End, to));
        }

        int begin = Begin(turn, first, from);
        return [begin..End(turn, last, to)];
    }

    /// <summary>The end of a span that the template marks: where it marks the answer alone, the end of the turn that follows is learned too.</summary>
    private int Generated(int end, int answer, int to)
    {
        bool isAnswerAlone = end >= answer && text.AsSpan(answer..end).IsWhiteSpace();
        IsOpen |= isAnswerAlone && end == text.Length;
        return isAnswerAlone && FindSpecial(end, to) is (int start, int stop) && text.AsSpan(end..start).IsWhiteSpace() ? stop : end;
    }

    private int Begin(int turn, PlacedPart first, int from)
    {
        // What the model is given when it is asked ends here; what the template writes after that it has to say itself.
        foreach (string opening in borders.Openings(turn == 0 ? null : messages[turn - 1].Role, tools))
        {
            if (text.AsSpan(from..first.Start).LastIndexOf(opening, StringComparison.Ordinal) is int at and >= 0)
            {
                return from + at + opening.Length;
            }
        }

        // The answer itself is learned in any case.
        if (first.Part.Kind == ChatPartKind.Content)
        {
            return first.Start;
        }

        string? asked = write([.. messages.Take(turn)], true);
        return asked is not null && asked.Length >= from && asked.Length <= first.Start && text.StartsWith(asked, StringComparison.Ordinal) ? asked.Length
            : first.Part.Kind == ChatPartKind.Reasoning ? first.Start
            : throw Unknown("begins a tool call otherwise than it asks for one");
    }

    private int End(int turn, PlacedPart last, int to)
    {
        int end = last.Part.Kind == ChatPartKind.Call ? CallEnd(turn, last.End, to) : last.End;
        bool isEnded = end > last.End && EndsInSpecial(last.End, end);
        if (isEnded)
        {
            return end;
        }

        if (FindSpecial(end, to) is (_, int stop))
        {
            return stop;
        }

        string closing = borders.Closing(tools).Trim();

        // A template whose end of turn is no token of this model.
        if (closing.Length > 0 && text.AsSpan(end..to).IndexOf(closing, StringComparison.Ordinal) is int at and >= 0)
        {
            return end + at + closing.Length;
        }

        bool isLast = to == text.Length && text.AsSpan(end).IsWhiteSpace();
        IsOpen |= isLast;
        return isLast ? text.Length : end;
    }

    /// <summary>Where a turn ends whose last part is a call: what the template writes after it belongs to the call, special tokens too.</summary>
    private int CallEnd(int turn, int end, int to)
    {
        string? written = turn == messages.Count - 1 ? text : write([.. messages.Take(turn + 1)], false);
        int length = written?.AsSpan().TrimEnd().Length ?? 0;
        if (written is not null && length >= end && written.Length <= to && text.StartsWith(written, StringComparison.Ordinal))
        {
            return length;
        }

        // A template that writes a call otherwise when something follows it: the token that ends such a turn is known.
        string closing = borders.CallClosing(tools);
        (int Start, int End)? last = null;
        while (tokenizer.FindSpecial(closing.AsSpan(last?.End ?? 0)) is (int start, int stop))
        {
            last = ((last?.End ?? 0) + start, (last?.End ?? 0) + stop);
        }

        return last is (int from, int until) && text.AsSpan(end..to).IndexOf(closing.AsSpan(from..until), StringComparison.Ordinal) is int at and >= 0
            ? end + at + until - from
            : throw Unknown("writes a tool call otherwise when something follows it");
    }

    private bool EndsInSpecial(int start, int end)
    {
        int last = start;
        while (FindSpecial(last, end) is (_, int stop))
        {
            last = stop;
        }

        return last == end;
    }

    private (int Start, int End)? FindSpecial(int from, int to) =>
        tokenizer.FindSpecial(text.AsSpan(from..to)) is (int start, int end) ? (from + start, from + end) : null;

    private static FormatException Unknown(string why) =>
        new($"a message that is to be learned cannot be told from others in the text: the chat template {why}; give a template with {{% generation %}} by -ChatTemplate");
}
