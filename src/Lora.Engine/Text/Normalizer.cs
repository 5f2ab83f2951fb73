using System.Text;
using System.Text.RegularExpressions;

namespace Lora.Text;

/// <summary>Changes a stretch of text, which is never empty, before it is split.</summary>
/// <param name="text">The stretch, or a piece of it.</param>
/// <param name="continues">Whether a piece of the same stretch was before it: then nothing is put at its beginning.</param>
/// <param name="longest">Characters that the result may have.</param>
internal delegate string Normalizer(string text, bool continues, int longest);

/// <summary>Reads the "normalizer" of tokenizer.json.</summary>
internal static partial class Normalizers
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
        "Replace" => Replace(node.Child("pattern"), node.Text("content")),
        "NFC" => Composition(NormalizationForm.FormC, node),
        "NFD" => Composition(NormalizationForm.FormD, node),
        "NFKC" => Composition(NormalizationForm.FormKC, node),
        "NFKD" => Composition(NormalizationForm.FormKD, node),
        string other => throw node.Unsupported("the normalizer", other),
    };

    private static Normalizer Sequence(Normalizer[] parts) =>
        (text, continues, longest) => parts.Aggregate(text, (changed, part) => part(changed, continues, longest));

    private static Normalizer Prepend(TokenizerNode node, string prefix) => (text, continues, longest) =>
    {
        if (text.Length == 0 || continues)
        {
            return text;
        }

        Check(node, (long)prefix.Length + text.Length, longest);
        return prefix + text;
    };

    public static Normalizer Replace(TokenizerNode pattern, string content)
    {
        if (pattern.OptionalText("String") is { Length: > 0 } literal)
        {
            return (text, _, longest) =>
            {
                if (content.Length > literal.Length)
                {
                    Check(pattern, text.Length + ((long)text.AsSpan().Count(literal) * (content.Length - literal.Length)), longest);
                }

                return text.Replace(literal, content, StringComparison.Ordinal);
            };
        }

        TextPattern regex = TextPattern.Read(pattern);
        return (text, _, longest) =>
        {
            StringBuilder changed = new();
            foreach (PatternSpan span in regex.Spans(text))
            {
                changed.Append(span.IsMatch ? content : text.AsSpan(span.Start, span.End - span.Start));
                Check(pattern, changed.Length, longest);
            }

            return changed.ToString();
        };
    }

    /// <summary>Steps that each multiply a text would fill the memory.</summary>
    private static void Check(TokenizerNode node, long length, int longest)
    {
        if (length > longest)
        {
            throw node.Invalid($"it makes {length} characters of a text that may become {longest} at most");
        }
    }

    private static Normalizer Composition(NormalizationForm form, TokenizerNode node)
    {
        // Without ICU (invariant globalization) .NET returns every text unchanged, and the ids would be wrong without a word.
        if ("e\u0301".Normalize(NormalizationForm.FormC).Length != 1)
        {
            throw node.Unsupported("without ICU (invariant globalization) the normalizer", node.Type);
        }

        return (text, _, _) => Ascii.IsValid(text) ? text : Normalize(text, form);
    }

    /// <summary>.NET refuses noncharacters, U+FFFE with ICU and all of them without. They are valid and nothing combines with them: the text is normalized around them.</summary>
    private static string Normalize(string text, NormalizationForm form) =>
        string.Concat(Noncharacter().Split(text).Select((part, index) => index % 2 == 0 ? part.Normalize(form) : part));

    /// <summary>One of the 66 of Unicode (section 23.7): 32 in a row, and the last two of each plane. What is captured comes between the parts of a split.</summary>
    [GeneratedRegex(@"([\uFDD0-\uFDEF\uFFFE\uFFFF]|[\uD83F\uD87F\uD8BF\uD8FF\uD93F\uD97F\uD9BF\uD9FF\uDA3F\uDA7F\uDABF\uDAFF\uDB3F\uDB7F\uDBBF\uDBFF][\uDFFE\uDFFF])")]
    internal static partial Regex Noncharacter();
}
