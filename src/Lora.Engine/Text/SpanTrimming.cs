namespace Lora.Text;

/// <summary>Takes the spaces that byte-level tokens begin or end with out of the stretches of text that they stand for.</summary>
/// <param name="AddsPrefixSpace">Whether a space was put before the text: then a single one at its beginning is not the text's own.</param>
internal sealed record SpanTrimming(bool AddsPrefixSpace)
{
    // The alphabet's letter for a space, and white space itself, which tokens that are found in the text may have.
    private const string Spaces = "\u0120 \t\n\v\f\r\u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";

    /// <summary>What a post-processor says; null where it trims nothing.</summary>
    public static SpanTrimming? Read(TokenizerNode node) =>
        node.Flag("trim_offsets", absent: true) ? new(node.Flag("add_prefix_space", absent: true)) : null;

    /// <summary>The stretch without the token's spaces.</summary>
    /// <param name="span">The stretch.</param>
    /// <param name="text">The text that it is of.</param>
    /// <param name="token">The token, in the byte alphabet.</param>
    /// <param name="isFirst">Whether it is the text's first.</param>
    public TextSpan Trim(TextSpan span, string text, ReadOnlySpan<char> token, bool isFirst)
    {
        int leading = token.Length - token.TrimStart(Spaces).Length;
        int trailing = token.Length - token.TrimEnd(Spaces).Length;
        // More than one means that the text began with a space of its own, and that none was put before it.
        bool isOurs = AddsPrefixSpace && leading == 1 && (isFirst || span.Start == 0);
        (int start, int end) = (span.Start, span.End);
        for (int left = isOurs ? 0 : leading; left > 0 && start < span.End; left--)
        {
            start += char.IsHighSurrogate(text[start]) && start + 1 < span.End ? 2 : 1;
        }

        for (int left = trailing; left > 0 && end > start; left--)
        {
            end -= char.IsLowSurrogate(text[end - 1]) && end - 1 > start ? 2 : 1;
        }

        return new(start, end);
    }
}
