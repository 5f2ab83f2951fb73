using System.Runtime.InteropServices;

namespace Lora.Text;

/// <summary>
/// BERT's tokens (Devlin et al. 2018): a word is the longest token that it begins with, then the longest of those that go on with a word, which
/// have a prefix, and so on; where none fits the whole word is unknown.
/// </summary>
internal sealed class WordPieceModel : TextModel
{
    private readonly IReadOnlyDictionary<string, int> vocabulary;
    private readonly WordCache cache = new();
    private readonly PieceTrie trie = new();
    private readonly int continuing;
    private readonly int unknown;

    /// <summary>Takes the tokens.</summary>
    /// <param name="vocabulary">The tokens with their ids.</param>
    /// <param name="unknown">The id of a word that has no tokens.</param>
    /// <param name="prefix">What tokens begin with that go on with a word.</param>
    /// <param name="longestWord">Code points of a word; a longer one is unknown.</param>
    public WordPieceModel(IReadOnlyDictionary<string, int> vocabulary, int unknown, string prefix = "##", int longestWord = 100)
    {
        this.vocabulary = vocabulary;
        this.unknown = unknown;
        LongestWord = longestWord;
        Prefix = prefix;
        foreach ((string token, int id) in vocabulary)
        {
            trie.Add(token, id);
        }

        // The node behind the prefix, so that no prefix need be written before the rest of each word.
        continuing = trie.Walk(prefix);
    }

    public override IReadOnlyDictionary<string, int> Ids => vocabulary;

    /// <summary>The id of a word that has no tokens.</summary>
    public int UnknownId => unknown;

    /// <summary>Code points of a word; a longer one is unknown.</summary>
    public int LongestWord { get; }

    /// <summary>What tokens begin with that go on with a word.</summary>
    public string Prefix { get; }

    public static new WordPieceModel Read(TokenizerNode node)
    {
        Dictionary<string, int> vocabulary = Vocabulary.Read(node.Child("vocab")).Ids;
        string unknown = node.OptionalText("unk_token") ?? "[UNK]";
        return new(
            vocabulary,
            vocabulary.TryGetValue(unknown, out int id) ? id : throw node.Invalid($"\"vocab\" lacks the unknown token, '{unknown}'"),
            node.OptionalText("continuing_subword_prefix") ?? "##",
            node.Optional("max_input_chars_per_word")?.Number() ?? 100);
    }

    public override void Encode(string word, List<int> ids, int most, List<TextSpan>? spans)
    {
        if (spans is null && cache.TryGet(word, out int[]? known))
        {
            ids.AddRange(known);
            return;
        }

        int before = ids.Count;
        if (!TryEncode(word, ids, spans))
        {
            CollectionsMarshal.SetCount(ids, before);
            ids.Add(unknown);
            if (spans is not null)
            {
                CollectionsMarshal.SetCount(spans, before);
                spans.Add(new(0, word.Length));
            }
        }

        cache.Add(word, CollectionsMarshal.AsSpan(ids)[before..]);
    }

    private bool TryEncode(string word, List<int> ids, List<TextSpan>? spans)
    {
        // No code point has more than two characters, so most words need no count.
        if (word.Length > LongestWord && word.EnumerateRunes().Count() > LongestWord)
        {
            return false;
        }

        int end;
        for (int start = 0; start < word.Length; start = end)
        {
            int id = LongestAt(word.AsSpan(start), start == 0 ? PieceTrie.Root : continuing, out int length);
            if (id == PieceTrie.Absent)
            {
                return false;
            }

            end = start + length;
            ids.Add(id);
            spans?.Add(new(start, end));
        }

        return true;
    }

    private int LongestAt(ReadOnlySpan<char> text, int node, out int length)
    {
        int found = PieceTrie.Absent;
        length = 0;
        for (int end = 0; end < text.Length && node != PieceTrie.Absent && (node = trie.Step(node, text[end])) != PieceTrie.Absent;)
        {
            end++;
            if (trie.IdAt(node) is int id and not PieceTrie.Absent)
            {
                (found, length) = (id, end);
            }
        }

        return found;
    }
}
