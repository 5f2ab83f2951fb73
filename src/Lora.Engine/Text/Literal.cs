namespace Lora.Text;

/// <summary>Stretches of a text, in order, that are characters and no special tokens, whatever they spell.</summary>
internal static class Literal
{
    /// <summary>Whether a stretch has a character of a literal one.</summary>
    public static bool Overlaps(IReadOnlyList<Range>? literal, int start, int end)
    {
        for (int at = 0; literal is not null && at < literal.Count && literal[at].Start.Value < end; at++)
        {
            // A whole text is given as Range.All, whose end is counted from the text's end.
            if (literal[at].End.GetOffset(int.MaxValue) > start)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What of the literal stretches lies between two places, counted from the first.</summary>
    public static IReadOnlyList<Range>? Within(IReadOnlyList<Range>? literal, int start, int end) => literal is null ? null :
    [
        .. literal.Where(range => range.End.Value > start && range.Start.Value < end)
            .Select(range => Math.Max(range.Start.Value - start, 0)..(Math.Min(range.End.Value, end) - start)),
    ];
}
