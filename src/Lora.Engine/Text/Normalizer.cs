using System.Text;

namespace Lora.Text;

/// <summary>Changes a stretch of text, which is never empty, before it is split.</summary>
internal delegate string Normalizer(string text);

/// <summary>Reads the "normalizer" of tokenizer.json.</summary>
internal static class Normalizers
{
    /// <summary>The normalizer, or null where the file has none.</summary>
    public static Normalizer? Read(TokenizerNode? node) => node is TokenizerNode present ? ReadOne(present) : null;

    private static Normalizer ReadOne(TokenizerNode node) => node.Type switch
    {
        "Sequence" => Sequence([.. node.Items("normalizers").Select(ReadOne)]),
        "Prepend" => Prepend(node.Text("prepend")),
        "Replace" => Replace(node.Child("pattern"), node.Text("content")),
        "NFC" => Composition(NormalizationForm.FormC, node),
        "NFD" => Composition(NormalizationForm.FormD, node),
        "NFKC" => Composition(NormalizationForm.FormKC, node),
        "NFKD" => Composition(NormalizationForm.FormKD, node),
        string other => throw node.Unsupported("the normalizer", other),
    };

    private static Normalizer Sequence(Normalizer[] parts) => text => parts.Aggregate(text, (changed, part) => part(changed));

    private static Normalizer Prepend(string prefix) => text => text.Length == 0 ? text : prefix + text;

    public static Normalizer Replace(TokenizerNode pattern, string content)
    {
        if (pattern.OptionalText("String") is { Length: > 0 } literal)
        {
            return text => text.Replace(literal, content, StringComparison.Ordinal);
        }

        TextPattern regex = TextPattern.Read(pattern);
        return text => string.Concat(regex.Spans(text).Select(span => span.IsMatch ? content : text[span.Start..span.End]));
    }

    private static Normalizer Composition(NormalizationForm form, TokenizerNode node)
    {
        // Without ICU (invariant globalization) .NET returns every text unchanged, and the ids would be wrong without a word.
        if ("e\u0301".Normalize(NormalizationForm.FormC).Length != 1)
        {
            throw node.Unsupported("without ICU (invariant globalization) the normalizer", node.Type);
        }

        return text => Ascii.IsValid(text) ? text : Normalize(text, form);
    }

    /// <summary>.NET refuses U+FFFE, a valid code point that nothing combines with: the text is normalized around it.</summary>
    private static string Normalize(string text, NormalizationForm form) =>
        string.Join('\uFFFE', text.Split('\uFFFE').Select(part => part.Normalize(form)));
}
