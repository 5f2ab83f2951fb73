using System.Text.Json;

namespace Lora.Text;

/// <summary>The "model" of tokenizer.json: what turns a word into the ids of its tokens. Safe to use from several threads.</summary>
internal abstract class TextModel
{
    /// <summary>The ids of the tokens.</summary>
    public abstract IReadOnlyDictionary<string, int> Ids { get; }

    /// <summary>The tokens with their ids; one that is there more than once has several.</summary>
    public virtual IEnumerable<KeyValuePair<string, int>> Entries => Ids;

    public static TextModel Read(TokenizerNode node) => TypeOf(node) switch
    {
        "BPE" => BytePairModel.Read(node),
        "Unigram" => UnigramModel.Read(node),
        "WordPiece" => WordPieceModel.Read(node),
        string other => throw node.Unsupported("the model", other),
    };

    /// <summary>Appends the ids of a word, which is never empty, until there are as many as are wanted or some more.</summary>
    /// <param name="word">The word.</param>
    /// <param name="ids">Where the ids go.</param>
    /// <param name="most">How many are wanted in all.</param>
    /// <param name="spans">Where the stretch of the word that each id stands for goes; null where nobody asks.</param>
    public abstract void Encode(string word, List<int> ids, int most, List<TextSpan>? spans);

    /// <summary>Files of before the models had a "type" are told by their parts.</summary>
    private static string TypeOf(TokenizerNode node) =>
        node.OptionalText("type")
        ?? (node.Optional("merges") is not null ? "BPE"
            : node.Optional("vocab")?.Element.ValueKind == JsonValueKind.Array ? "Unigram"
            : node.Optional("continuing_subword_prefix") is not null ? "WordPiece"
            : "without merges");
}
