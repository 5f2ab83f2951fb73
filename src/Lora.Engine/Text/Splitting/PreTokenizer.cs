using System.Text;

namespace Lora.Text;

/// <summary>A step that cuts a piece of normalized text, which is never empty, into the words that the model encodes one by one.</summary>
internal abstract class PreTokenizer
{
    private static readonly SplitPreTokenizer WhiteSpace = new(Characters(Rune.IsWhiteSpace), SplitBehavior.Removed);

    /// <summary>The pre-tokenizer, or null where the file has none: then a whole text is one word.</summary>
    public static PreTokenizer? Read(TokenizerNode? node) => node is TokenizerNode present ? ReadOne(present) : null;

    /// <summary>The piece's parts, none of them empty, each made when it is asked for.</summary>
    /// <param name="piece">The text to cut.</param>
    /// <param name="start">What stands before it.</param>
    public abstract IEnumerable<AlignedText> Split(AlignedText piece, PieceStart start);

    private static PreTokenizer ReadOne(TokenizerNode node) => node.Type switch
    {
        "Sequence" => new PreTokenizerSequence([.. node.Items("pretokenizers").Select(ReadOne)]),
        "Split" => new SplitPreTokenizer(TextPattern.Read(node.Child("pattern")).Spans, Behavior(node, node.Text("behavior")), node.Flag("invert")),
        "ByteLevel" => new ByteLevelPreTokenizer(node.Flag("add_prefix_space", absent: true), node.Flag("use_regex", absent: true)),
        "Metaspace" => MetaspacePreTokenizer.ReadMetaspace(node),
        // Rust's is_numeric: fractions and Roman numerals too, not decimal digits alone.
        "Digits" => new SplitPreTokenizer(Characters(Rune.IsNumber), node.Flag("individual_digits") ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "Punctuation" => Punctuation(Behavior(node, node.OptionalText("behavior") ?? nameof(SplitBehavior.Isolated))),
        "Whitespace" => new SplitPreTokenizer(CharacterSpans.OfWords, SplitBehavior.Removed), // \w+|[^\w\s]+
        "WhitespaceSplit" => WhiteSpace,
        "BertPreTokenizer" => new PreTokenizerSequence([WhiteSpace, Punctuation(SplitBehavior.Isolated)]),
        string other => throw node.Unsupported("the pre-tokenizer", other),
    };

    private static SplitPreTokenizer Punctuation(SplitBehavior behavior) => new(Characters(CharacterClass.Punctuation.Contains), behavior);

    private static Func<string, IEnumerable<PatternSpan>> Characters(Predicate<Rune> isMatch) => text => CharacterSpans.Of(text, isMatch);

    private static SplitBehavior Behavior(TokenizerNode node, string name) =>
        Enum.TryParse(name, out SplitBehavior behavior) ? behavior : throw node.Unsupported("the split behavior", name);
}

/// <summary>What stands before a piece of text, which decides whether a space is put there.</summary>
internal enum PieceStart
{
    /// <summary>Nothing: the piece begins the text that the user gave.</summary>
    OfText,

    /// <summary>An added token, or the cut of an earlier step.</summary>
    OfStretch,

    /// <summary>Text, which the piece goes on.</summary>
    Continuation,
}
