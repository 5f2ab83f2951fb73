namespace Lora.Text;

/// <summary>Puts a text in the place of each match of a pattern.</summary>
internal static class Replacement
{
    /// <summary>Reads the pattern and the content of a "Replace", which is a normalizer and a decoder.</summary>
    public static Normalizer Read(TokenizerNode node)
    {
        TokenizerNode pattern = node.Child("pattern");
        string content = node.Text("content");
        if (pattern.OptionalText("String") is { Length: > 0 } literal)
        {
            return (text, _, longest) => Replace(text, literal, content, longest, pattern);
        }

        TextPattern regex = TextPattern.Read(pattern);
        return (text, _, longest) =>
        {
            AlignedTextBuilder changed = new(text);
            foreach (PatternSpan span in regex.Spans(text.Text))
            {
                if (span.IsMatch)
                {
                    changed.Write(content, span.End - 1);
                }
                else
                {
                    changed.Keep(span.Start, span.End);
                }

                Normalizers.Check(pattern, changed.Length, longest);
            }

            return changed.ToText();
        };
    }

    private static AlignedText Replace(AlignedText text, string literal, string content, int longest, TokenizerNode pattern)
    {
        if (content.Length > literal.Length)
        {
            Normalizers.Check(pattern, text.Length + ((long)text.Text.AsSpan().Count(literal) * (content.Length - literal.Length)), longest);
        }

        if (text.Origins is null)
        {
            return new(text.Text.Replace(literal, content, StringComparison.Ordinal), null);
        }

        AlignedTextBuilder changed = new(text);
        int kept = 0;
        for (int at; (at = text.Text.IndexOf(literal, kept, StringComparison.Ordinal)) >= 0; kept = at + literal.Length)
        {
            changed.Keep(kept, at);
            changed.Write(content, at + literal.Length - 1);
        }

        changed.Keep(kept, text.Length);
        return changed.ToText();
    }
}
