namespace Lora.Text;

/// <summary>SentencePiece's spaces: each becomes a visible mark, one may be put before the text, and a word begins at each mark.</summary>
internal sealed class MetaspacePreTokenizer : PreTokenizer
{
    private readonly char mark;
    private readonly PrependScheme scheme;
    private readonly SplitPreTokenizer? words;

    private MetaspacePreTokenizer(char mark, PrependScheme scheme, bool split)
    {
        this.mark = mark;
        this.scheme = scheme;
        words = split ? new(text => CharacterSpans.Of(text, rune => rune.Value == mark), SplitBehavior.MergedWithNext) : null;
    }

    /// <summary>When a mark is put before a text that does not begin with one.</summary>
    public enum PrependScheme
    {
        /// <summary>Before every stretch of text.</summary>
        Always,

        /// <summary>Only at the beginning of the whole text.</summary>
        First,

        /// <summary>Nowhere.</summary>
        Never,
    }

    public static MetaspacePreTokenizer ReadMetaspace(TokenizerNode node) =>
        new(ReadMark(node), ReadScheme(node), node.Flag("split", absent: true));

    public static char ReadMark(TokenizerNode node)
    {
        string mark = node.Text("replacement");
        return mark.Length == 1 ? mark[0] : throw node.Invalid("\"replacement\" is not one character");
    }

    /// <summary>The scheme; files of before it was invented say "add_prefix_space" alone.</summary>
    public static PrependScheme ReadScheme(TokenizerNode node) => node.OptionalText("prepend_scheme") switch
    {
        null => node.Flag("add_prefix_space", absent: true) ? PrependScheme.Always : PrependScheme.Never,
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        string other => throw node.Unsupported("the prepend scheme", other),
    };

    public override IEnumerable<AlignedText> Split(AlignedText piece, PieceStart start)
    {
        AlignedText marked = piece with { Text = piece.Text.Replace(' ', mark) };
        bool isPrefixed = !marked.Text.StartsWith(mark) && start switch
        {
            PieceStart.OfText => scheme != PrependScheme.Never,
            PieceStart.OfStretch => scheme == PrependScheme.Always,
            _ => false,
        };
        AlignedText text = isPrefixed ? marked.Prefixed(mark.ToString()) : marked;
        return words?.Split(text, start) ?? [text];
    }
}
