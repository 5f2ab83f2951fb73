namespace Lora.Text;

/// <summary>Steps that each cut the parts of the step before.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override IEnumerable<string> Split(string piece, PieceStart start) =>
        steps.Aggregate<PreTokenizer, IEnumerable<string>>([piece], (pieces, step) => SplitEach(pieces, step, start));

    private static IEnumerable<string> SplitEach(IEnumerable<string> pieces, PreTokenizer step, PieceStart start)
    {
        foreach (string piece in pieces)
        {
            foreach (string part in step.Split(piece, start))
            {
                yield return part;
            }

            start = PieceStart.OfStretch;
        }
    }
}
