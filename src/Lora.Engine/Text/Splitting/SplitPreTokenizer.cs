namespace Lora.Text;

/// <summary>Cuts at the matches of a pattern; inverted, at what lies between them.</summary>
internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert = false) : PreTokenizer
{
    public override void Split(string piece, bool atStart, List<string> parts)
    {
        int start = 0;
        bool previousIsCut = false;
        List<PatternSpan> spans = pattern.Spans(piece);
        for (int index = 0; index < spans.Count; index++)
        {
            PatternSpan span = spans[index];
            bool isCut = span.IsMatch != invert;
            bool joins = index > 0 && behavior switch
            {
                SplitBehavior.MergedWithPrevious => isCut && !previousIsCut,
                SplitBehavior.MergedWithNext => !isCut && previousIsCut,
                SplitBehavior.Contiguous => isCut && previousIsCut,
                _ => false,
            };
            if (!joins)
            {
                Add(start, span.Start, previousIsCut);
                start = span.Start;
            }

            previousIsCut = isCut;
        }

        Add(start, piece.Length, previousIsCut);

        void Add(int from, int to, bool isCut)
        {
            if (to > from && !(isCut && behavior == SplitBehavior.Removed))
            {
                parts.Add(piece[from..to]);
            }
        }
    }
}
