namespace Lora.Text;

/// <summary>Cuts as GPT-2 does, unless a step before has done so, and writes each part's UTF-8 bytes in the <see cref="ByteAlphabet"/>.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private static readonly TextPattern Words = new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    public override IEnumerable<AlignedText> Split(AlignedText piece, PieceStart start)
    {
        bool isPrefixed = addPrefixSpace && start != PieceStart.Continuation && !piece.Text.StartsWith(' ');
        AlignedText text = isPrefixed ? piece.Prefixed(" ") : piece;
        return useRegex ? Words.Spans(text.Text).Select(span => ByteAlphabet.Write(text[span.Start..span.End])) : [ByteAlphabet.Write(text)];
    }
}
