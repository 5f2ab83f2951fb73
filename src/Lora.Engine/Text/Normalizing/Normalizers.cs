namespace Lora.Text;

/// <summary>Changes a stretch of text, which is never empty, before it is split.</summary>
/// <param name="text">The stretch, or a piece of it.</param>
/// <param name="continues">Whether a piece of the same stretch was before it: then nothing is put at its beginning or taken off it.</param>
/// <param name="longest">Characters that the result may have.</param>
internal delegate AlignedText Normalizer(AlignedText text, bool continues, int longest);

/// <summary>Reads the "normalizer" of tokenizer.json.</summary>
internal static class Normalizers
{
    // Unicode's own forms make at most 18 characters of one; a few more are for what is put before a text.
    private const int MostGrowth = 32;
    private const int MostAdded = 1024;

    /// <summary>How long a text may become.</summary>
    public static int LongestOf(string text) => (int)Math.Min(int.MaxValue, MostAdded + ((long)MostGrowth * text.Length));

    /// <summary>The normalizer, or null where the file has none.</summary>
    public static Normalizer? Read(TokenizerNode? node) => node is TokenizerNode present ? ReadOne(present) : null;

    private static Normalizer ReadOne(TokenizerNode node) => node.Type switch
    {
        "Sequence" => Sequence([.. node.Items("normalizers").Select(ReadOne)]),
        "Prepend" => Prepend(node, node.Text("prepend")),
        "Replace" => Replacement.Read(node),
        "NFC" => Form(UnicodeForm.C),
        "NFD" => Form(UnicodeForm.D),
        "NFKC" => Form(UnicodeForm.KC),
        "NFKD" => Form(UnicodeForm.KD),
        "Lowercase" => static (text, _, _) => CharacterNormalizers.Lowercase(text),
        "StripAccents" => static (text, _, _) => CharacterNormalizers.StripAccents(text),
        "Nmt" => static (text, _, _) => CharacterNormalizers.Nmt(text),
        "Strip" => Strip(node.Flag("strip_left"), node.Flag("strip_right")),
        "BertNormalizer" => Bert(node),
        "Precompiled" => Precompiled(node),
        string other => throw node.Unsupported("the normalizer", other),
    };

    private static Normalizer Sequence(Normalizer[] parts) =>
        // A step may leave nothing, and no step expects an empty text.
        (text, continues, longest) => parts.Aggregate(text, (changed, part) => changed.Length == 0 ? changed : part(changed, continues, longest));

    private static Normalizer Prepend(TokenizerNode node, string prefix) => (text, continues, longest) =>
    {
        if (continues)
        {
            return text;
        }

        Check(node, (long)prefix.Length + text.Length, longest);
        return text.Prefixed(prefix);
    };

    private static Normalizer Form(UnicodeForm form) => (text, _, _) => form.Apply(text);

    private static Normalizer Strip(bool left, bool right) => (text, continues, _) => CharacterNormalizers.Strip(text, left && !continues, right);

    private static Normalizer Bert(TokenizerNode node)
    {
        bool cleans = node.Flag("clean_text", absent: true);
        bool spacesIdeographs = node.Flag("handle_chinese_chars", absent: true);
        bool lowercases = node.Flag("lowercase", absent: true);
        // BERT's own rule where a file does not say: accents go with the capitals.
        bool stripsAccents = node.Flag("strip_accents", absent: lowercases);
        return (text, _, _) => CharacterNormalizers.Bert(text, cleans, spacesIdeographs, stripsAccents, lowercases);
    }

    private static Normalizer Precompiled(TokenizerNode node)
    {
        TokenizerNode map = node.Child("precompiled_charsmap");
        CharacterMap characters = new(
            map.Of(System.Text.Json.JsonValueKind.String, "a string").Element.TryGetBytesFromBase64(out byte[]? bytes) ? bytes : throw node.Invalid($"{map.Place} is not base64"),
            node.File);
        return (text, _, longest) => characters.Apply(text, longest);
    }

    /// <summary>Steps that each multiply a text would fill the memory.</summary>
    public static void Check(TokenizerNode node, long length, int longest)
    {
        if (length > longest)
        {
            throw node.Invalid($"it makes {length} characters of a text that may become {longest} at most");
        }
    }
}
