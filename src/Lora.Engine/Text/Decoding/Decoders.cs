using System.Text;

namespace Lora.Text;

/// <summary>A step that turns a list of tokens into texts which, joined, are the decoded text.</summary>
/// <param name="tokens">The tokens, or what the step before made of them.</param>
/// <param name="continues">Whether they go on a text: then the space at their beginning is the text's own.</param>
internal delegate IReadOnlyList<string> Decoder(IReadOnlyList<string> tokens, bool continues);

/// <summary>Reads the "decoder" of tokenizer.json.</summary>
internal static class Decoders
{
    /// <summary>The decoder; without one tokens are joined by spaces.</summary>
    public static Decoder Read(TokenizerNode? node) => node is TokenizerNode present ? ReadOne(present) : static (tokens, _) => [string.Join(' ', tokens)];

    private static Decoder ReadOne(TokenizerNode node) => node.Type switch
    {
        "Sequence" => Sequence([.. node.Items("decoders").Select(ReadOne)]),
        "ByteLevel" => static (tokens, _) => ByteLevel(tokens),
        "ByteFallback" => static (tokens, _) => ByteFallbackDecoder.Decode(tokens),
        "Fuse" => static (tokens, _) => [string.Concat(tokens)],
        "Replace" => Replace(Replacement.Read(node)),
        "Strip" => Strip(Character(node, "content"), node.Number("start"), node.Number("stop")),
        "Metaspace" => Metaspace(MetaspacePreTokenizer.ReadMark(node), MetaspacePreTokenizer.ReadScheme(node)),
        "WordPiece" => WordPieceDecoder.Read(node),
        string other => throw node.Unsupported("the decoder", other),
    };

    private static Decoder Sequence(Decoder[] steps) =>
        (tokens, continues) => steps.Aggregate(tokens, (current, step) => step(current, continues));

    private static Decoder Replace(Normalizer replace) =>
        (tokens, _) => [.. tokens.Select(token => replace(new(token, null), continues: false, Normalizers.LongestOf(token)).Text)];

    private static IReadOnlyList<string> ByteLevel(IReadOnlyList<string> tokens)
    {
        // The bytes of all tokens together: a character may be spread over several.
        List<byte> bytes = [];
        foreach (string token in tokens)
        {
            ByteAlphabet.Read(token, bytes);
        }

        return [Encoding.UTF8.GetString([.. bytes])];
    }

    /// <summary>Takes up to so many of a character off both ends of each token.</summary>
    private static Decoder Strip(char character, int start, int stop) => (tokens, continues) => [.. tokens.Select((token, index) =>
    {
        int from = 0;
        int most = continues && index == 0 ? 0 : Math.Min(start, token.Length);
        while (from < most && token[from] == character)
        {
            from++;
        }

        int to = token.Length;
        while (to > Math.Max(from, token.Length - stop) && token[to - 1] == character)
        {
            to--;
        }

        return token[from..to];
    })];

    /// <summary>Marks become spaces; those of the first token are dropped where encoding may have put one there.</summary>
    private static Decoder Metaspace(char mark, MetaspacePreTokenizer.PrependScheme scheme)
    {
        string first = scheme == MetaspacePreTokenizer.PrependScheme.Never ? " " : "";
        return (tokens, continues) =>
            [.. tokens.Select((token, index) => token.Replace(mark.ToString(), index == 0 && !continues ? first : " ", StringComparison.Ordinal))];
    }

    private static char Character(TokenizerNode node, string name) =>
        node.Text(name) is [char character] ? character : throw node.Invalid($"\"{name}\" is not one character");
}
