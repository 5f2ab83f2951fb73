namespace Lora.Text;

/// <summary>Steps that each cut the parts of the step before.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override IEnumerable<AlignedText> Split(AlignedText piece, PieceStart start) =>
        steps.Aggregate<PreTokenizer, IEnumerable<AlignedText>>([piece], (pieces, step) => SplitEach(pieces, step, start));

    private static IEnumerable<AlignedText> SplitEach(IEnumerable<AlignedText> pieces, PreTokenizer step, PieceStart start)
    {
        foreach (AlignedText piece in pieces)
        {
            foreach (AlignedText part in step.Split(piece, start))
            {
                yield return part;
            }

            start = PieceStart.OfStretch;
        }
    }
}
