using System.Buffers;

namespace Lora.Text.Jinja;

/// <summary>The methods of Python's str that cut a text.</summary>
internal static class SplitMethods
{
    // Python's str.splitlines knows more ends of lines than \n and \r.
    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\u001C\u001D\u001E\u0085\u2028\u2029");

    public static ListValue Split(TextValue text, Arguments arguments, bool fromEnd)
    {
        int most = arguments.Integer(1, "maxsplit", -1);
        List<string> parts = arguments.Optional(0, "sep") is null or NoneValue ? Words(text.Text, most, fromEnd) : Parts(text.Text, arguments.Text(0, "sep"), most, fromEnd);
        arguments.Budget.Charge(parts.Count);
        return new ListValue([.. parts.Select(text.With)]);
    }

    public static ListValue Partition(TextValue text, string separator, bool fromEnd)
    {
        if (separator.Length == 0)
        {
            throw new JinjaFailure("empty separator");
        }

        int at = fromEnd ? text.Text.LastIndexOf(separator, StringComparison.Ordinal) : text.Text.IndexOf(separator, StringComparison.Ordinal);
        string[] parts = at >= 0 ? [text.Text[..at], separator, text.Text[(at + separator.Length)..]] : fromEnd ? ["", "", text.Text] : [text.Text, "", ""];
        return new ListValue([.. parts.Select(text.With)], ListKind.Tuple);
    }

    public static ListValue Lines(TextValue text, bool keepEnds)
    {
        List<Value> lines = [];
        for (int at = 0; at < text.Text.Length;)
        {
            int length = text.Text.AsSpan(at).IndexOfAny(LineEnds);
            int end = length < 0 ? text.Text.Length : at + length;
            int next = end >= text.Text.Length ? end : string.CompareOrdinal(text.Text, end, "\r\n", 0, 2) == 0 ? end + 2 : end + 1;
            lines.Add(text.With(text.Text[at..(keepEnds ? next : end)]));
            at = next;
        }

        return new ListValue(lines);
    }

    private static List<string> Parts(string text, string separator, int most, bool fromEnd)
    {
        if (separator.Length == 0)
        {
            throw new JinjaFailure("empty separator");
        }

        return fromEnd ? PartsFromEnd(text, separator, most) : [.. text.Split(separator, most < 0 ? int.MaxValue : Math.Min(most, int.MaxValue - 1) + 1)];
    }

    /// <summary>Looks for the separator from the end: "aaa" has its last "aa" elsewhere than its first.</summary>
    private static List<string> PartsFromEnd(string text, string separator, int most)
    {
        List<string> parts = [];
        ReadOnlySpan<char> rest = text;
        while (parts.Count != most && rest.LastIndexOf(separator) is >= 0 and int at)
        {
            parts.Add(rest[(at + separator.Length)..].ToString());
            rest = rest[..at];
        }

        parts.Add(rest.ToString());
        parts.Reverse();
        return parts;
    }

    /// <summary>Words between white space; what is beyond the most of cuts stays whole, with the space at its far end.</summary>
    private static List<string> Words(string text, int most, bool fromEnd)
    {
        List<Range> words = [];
        for (int at = 0; at < text.Length; at++)
        {
            int start = at;
            while (at < text.Length && !TextMethods.IsSpace(text[at]))
            {
                at++;
            }

            if (at > start)
            {
                words.Add(start..at);
            }
        }

        if (most >= 0 && words.Count > most)
        {
            int whole = words.Count - most;
            words = fromEnd
                ? [0..words[whole - 1].End, .. words[whole..]]
                : [.. words[..most], words[most].Start..text.Length];
        }

        return [.. words.Select(word => text[word])];
    }
}
