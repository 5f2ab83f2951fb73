using Lora.Text;

namespace Lora.Export;

/// <summary>
/// llama.cpp's names for the ways in which a text is cut before pairs are merged (src/llama-vocab.cpp), told by the parts of tokenizer.json. Its converter
/// goes by a hash of what a tokenizer makes of one text, so that it refuses every vocabulary that nobody has listed; the way of cutting is
/// what llama.cpp has to know, and nothing else.
/// </summary>
internal static class GgufPreTokenizers
{
    private const string WordsAndSpaces = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    private const string CasedEnd = @" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Digits = "digits";
    private const string Bytes = "bytes";
    private const string BytesOfWords = "bytes of words";
    private const string BytesOfMore = "bytes with a space before";

    // Steps as Steps has them, whether a word that is a token stays whole, and the name.
    private static readonly (string[] Steps, bool IgnoresMerges, string Name)[] Known =
    [
        ([BytesOfWords], false, "gpt-2"),
        ([Digits, BytesOfWords], false, "smollm"),
        ([$@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{WordsAndSpaces}", Bytes], true, "llama-bpe"),
        ([$@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{WordsAndSpaces}", Bytes], false, "smaug-bpe"),
        ([$@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{WordsAndSpaces}", Bytes], false, "qwen2"),
        ([$@"[^\r\n\p{{L}}\p{{N}}]?{Upper}*{Lower}+{Contractions}?|[^\r\n\p{{L}}\p{{N}}]?{Upper}+{Lower}*{Contractions}?|\p{{N}}{{1,3}}|{CasedEnd}", Bytes], false, "gpt-4o"),
        ([$@"[^\r\n\p{{L}}\p{{N}}]?{Upper}*{Lower}+|[^\r\n\p{{L}}\p{{N}}]?{Upper}+{Lower}*|\p{{N}}|{CasedEnd}", Bytes], true, "tekken"),
    ];

    /// <summary>The name; null where llama.cpp has none.</summary>
    /// <param name="preTokenizer">The "pre_tokenizer" of tokenizer.json; null where it has none.</param>
    /// <param name="ignoresMerges">Whether a word that is a token stays whole.</param>
    public static string? NameOf(TokenizerNode? preTokenizer, bool ignoresMerges)
    {
        string[] steps = preTokenizer is TokenizerNode node ? [.. Steps(node)] : [];
        return Known.FirstOrDefault(entry => entry.IgnoresMerges == ignoresMerges && entry.Steps.SequenceEqual(steps)).Name;
    }

    /// <summary>Whether the text becomes bytes, which is what tells GPT-2's tokenizers from SentencePiece's.</summary>
    public static bool HasBytes(TokenizerNode? preTokenizer) => preTokenizer is TokenizerNode node && Steps(node).Any(step => step is Bytes or BytesOfWords or BytesOfMore);

    private static IEnumerable<string> Steps(TokenizerNode node) => node.Type switch
    {
        "Sequence" => node.Items("pretokenizers").SelectMany(Steps),
        "ByteLevel" => [node.Flag("add_prefix_space", absent: true) ? BytesOfMore : node.Flag("use_regex", absent: true) ? BytesOfWords : Bytes],
        "Digits" => [node.Flag("individual_digits") ? Digits : "numbers"],

        // A pattern that covers every text cuts it alike, whether its matches are kept or what lies between them is removed.
        "Split" when (node.Text("behavior"), node.Flag("invert")) is ("Isolated", false) or ("Removed", true) => [node.Child("pattern").OptionalText("Regex") ?? "a text"],
        string other => [other],
    };
}
