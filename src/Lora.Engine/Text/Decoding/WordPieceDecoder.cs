namespace Lora.Text;

/// <summary>Puts a space before every word but the first, and takes those away again that English does not write.</summary>
internal static class WordPieceDecoder
{
    // In the reference library's order: what one replacement makes, the next may find.
    private static readonly (string Found, string Written)[] Cleanup =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
        (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public static Decoder Read(TokenizerNode node)
    {
        string prefix = node.OptionalText("prefix") ?? "##";
        bool cleans = node.Flag("cleanup", absent: true);
        return (tokens, continues) => [.. tokens.Select((token, index) =>
        {
            string text = index == 0 && !continues ? token
                : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..]
                : " " + token;
            return cleans ? Cleanup.Aggregate(text, (current, step) => current.Replace(step.Found, step.Written, StringComparison.Ordinal)) : text;
        })];
    }
}
