namespace Lora.Text;

/// <summary>Cuts as GPT-2 does, unless a step before has done so, and writes each part's UTF-8 bytes in the <see cref="ByteAlphabet"/>.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private static readonly TextPattern Words = new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    public override void Split(string piece, bool atStart, List<string> parts)
    {
        string text = addPrefixSpace && !piece.StartsWith(' ') ? " " + piece : piece;
        if (!useRegex)
        {
            parts.Add(ByteAlphabet.Write(text));
            return;
        }

        foreach (PatternSpan span in Words.Spans(text))
        {
            parts.Add(ByteAlphabet.Write(text.AsSpan(span.Start, span.End - span.Start)));
        }
    }
}
