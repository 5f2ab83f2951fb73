namespace Lora.Text;

/// <summary>Cuts at the matches of a pattern; inverted, at what lies between them.</summary>
/// <param name="spans">The whole of a text as consecutive spans, those that match and those between them.</param>
/// <param name="behavior">What becomes of the matches.</param>
/// <param name="invert">Whether what does not match counts as a match.</param>
internal sealed class SplitPreTokenizer(Func<string, IEnumerable<PatternSpan>> spans, SplitBehavior behavior, bool invert = false) : PreTokenizer
{
    public override IEnumerable<AlignedText> Split(AlignedText piece, PieceStart start)
    {
        int from = 0;
        bool previousIsCut = false;
        foreach (PatternSpan span in spans(piece.Text))
        {
            bool isCut = span.IsMatch != invert;
            bool joins = span.Start > 0 && behavior switch
            {
                // Of two matches in a row the second is a piece of its own.
                SplitBehavior.MergedWithPrevious => isCut && !previousIsCut,
                SplitBehavior.MergedWithNext => !isCut && previousIsCut,
                SplitBehavior.Contiguous => isCut && previousIsCut,
                _ => false,
            };
            if (!joins && IsKept(from, span.Start, previousIsCut))
            {
                yield return piece[from..span.Start];
            }

            from = joins ? from : span.Start;
            previousIsCut = isCut;
        }

        if (IsKept(from, piece.Length, previousIsCut))
        {
            yield return piece[from..];
        }
    }

    private bool IsKept(int from, int to, bool isCut) => to > from && !(isCut && behavior == SplitBehavior.Removed);
}
