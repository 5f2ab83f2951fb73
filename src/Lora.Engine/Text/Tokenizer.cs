using System.Buffers;

namespace Lora.Text;

/// <summary>
/// Turns text into token ids and back as a Hugging Face <c>tokenizer.json</c> describes it: byte-pair encoding of bytes or characters, unigram
/// models and WordPiece; without one, as transformers would convert the older files of the folder. Truncation and padding that the file asks for are left to the caller. Safe to use from several threads.
/// </summary>
/// <remarks>
/// It takes a model's folder and gives ids that equal the reference library's, token by token. A text goes through added tokens, normalizer,
/// pre-tokenizer, the model, and the template of special tokens; each stage is a small class chosen by the file. A file that asks for a
/// stage that is not here is refused by name when it is read, never encoded in some other way.
/// </remarks>
public sealed class Tokenizer
{
    // Far above every vocabulary; a damaged file must not make an array of any size.
    private const int MostTokens = 1 << 24;

    private readonly Dictionary<string, AddedToken> added;
    private readonly TextPipeline pipeline;
    private readonly PostProcessor postProcessor;
    private readonly Decoder decoder;
    private readonly string?[] tokens;
    private readonly HashSet<int> special;
    private readonly string[] specialTexts;
    private readonly SearchValues<string> specialContents;

    private Tokenizer(TokenizerContent content)
    {
        (TokenizerNode root, TextModel model, IReadOnlyList<AddedToken> listed) = content;
        Normalizer? normalizer = Normalizers.Read(root.Optional("normalizer"));
        PreTokenizer? preTokenizer = PreTokenizer.Read(root.Optional("pre_tokenizer"));
        postProcessor = PostProcessor.Read(root.Optional("post_processor"));
        decoder = Decoders.Read(root.Optional("decoder"));

        added = new(StringComparer.Ordinal);
        foreach (AddedToken token in listed)
        {
            added[token.Content] = token;
        }

        special = [.. listed.Where(token => token.Special).Select(token => token.Id)];
        specialTexts = [.. listed.Where(token => token.Special && token.Content.Length > 0).Select(token => token.Content)];
        specialContents = SearchValues.Create(specialTexts, StringComparison.Ordinal);
        pipeline = new(
            new(listed.Where(token => !token.Normalized).Select(token => (token.Content, token))),
            normalizer,
            // Text is normalized before these are sought in it, so their own characters are too.
            new(listed.Where(token => token.Normalized).Select(token => (Normalize(token.Content), token))),
            preTokenizer,
            model);

        IEnumerable<KeyValuePair<string, int>> entries = [.. model.Entries, .. listed.Select(token => KeyValuePair.Create(token.Content, token.Id))];
        int highest = entries.Select(entry => entry.Value).DefaultIfEmpty(-1).Max();
        tokens = highest < MostTokens ? new string?[highest + 1] : throw root.Invalid($"the id {highest} is higher than any vocabulary has");
        // Added tokens come last: where a vocabulary spells the same id in another way, theirs counts.
        foreach ((string token, int id) in entries)
        {
            tokens[id] = token;
        }

        Path = root.File;
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        BeginOfSequenceId = SpecialTokenNames.Find(folder, "bos_token", IdOf);
        EndOfSequenceId = SpecialTokenNames.Find(folder, "eos_token", IdOf);

        string Normalize(string content) => normalizer?.Invoke(new(content, null), continues: false, Normalizers.LongestOf(content)).Text ?? content;
    }

    /// <summary>The file that was read.</summary>
    public string Path { get; }

    /// <summary>The highest id plus one. A model's embedding may have more rows than that, for padding.</summary>
    public int VocabularySize => tokens.Length;

    /// <summary>The token that begins a sequence (<c>bos_token</c>), or null where the model has none.</summary>
    public int? BeginOfSequenceId { get; }

    /// <summary>The token that ends a sequence (<c>eos_token</c>), or null where the model has none.</summary>
    public int? EndOfSequenceId { get; }

    /// <summary>The special tokens that the file asks for before a text.</summary>
    internal IReadOnlyList<int> OpeningIds => postProcessor.Before;

    /// <summary>The special tokens that the file asks for after a text.</summary>
    internal IReadOnlyList<int> ClosingIds => postProcessor.After;

    /// <summary>Reads a tokenizer, with the special tokens that the files beside it name.</summary>
    /// <param name="modelFolderOrFile">A folder with tokenizer.json, or with SentencePiece's model file, vocab.json and merges.txt, or vocab.txt; or the file itself.</param>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.TokenizerMissing"/>,
    /// <see cref="LoraError.TokenizerInvalid"/>, or <see cref="LoraError.TokenizerUnsupported"/> with the part that this reader does not have.</exception>
    public static Tokenizer Load(string modelFolderOrFile) => Load(modelFolderOrFile, []);

    /// <summary>The same, with special tokens behind its last.</summary>
    internal static Tokenizer Load(string modelFolderOrFile, IReadOnlyList<string> newTokens)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelFolderOrFile);
        string file = TokenizerFile.Find(modelFolderOrFile);
        try
        {
            TokenizerContent content = TokenizerFile.ReadTokenizer(file);
            return new(newTokens.Count == 0 ? content : content.With(newTokens));
        }
        catch (InvalidOperationException exception)
        {
            // What System.Text.Json answers when a string holds half of an escaped surrogate pair.
            throw LoraException.From(exception, LoraError.TokenizerInvalid, file, file, exception.Message.TrimEnd('.'));
        }
    }

    /// <summary>The id of a token, given as it stands in the vocabulary; null when the vocabulary lacks it.</summary>
    public int? IdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return added.TryGetValue(token, out AddedToken? found) ? found.Id
            : pipeline.Model.Ids.TryGetValue(token, out int id) ? id
            : null;
    }

    /// <summary>The ids of a text. Special tokens written in the text become their ids; an unpaired surrogate is read as U+FFFD.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">Whether to put the tokens around it that the file asks for, such as the begin-of-sequence token.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = Encode([text], int.MaxValue, CancellationToken.None)[0];
        return addSpecialTokens ? [.. postProcessor.Before, .. ids, .. postProcessor.After] : [.. ids];
    }

    /// <summary>The ids of a text, each with the stretch of the text that it stands for; the stretch of special tokens around the text is empty.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">Whether to put the tokens around it that the file asks for.</param>
    internal (int[] Ids, TextSpan[] Spans) EncodeWithSpans(string text, bool addSpecialTokens = true)
    {
        TextEncoder encoder = new(pipeline, int.MaxValue, CancellationToken.None, tracksOrigins: true);
        List<int> ids = encoder.Encode(text);
        IEnumerable<TextSpan> spans = postProcessor.Trimming is SpanTrimming trimming
            ? encoder.Spans!.Select((span, index) => trimming.Trim(span, text, Written(ids[index], span), isFirst: index == 0))
            : encoder.Spans!;
        return addSpecialTokens
            ? ([.. postProcessor.Before, .. ids, .. postProcessor.After],
                [.. postProcessor.Before.Select(_ => default(TextSpan)), .. spans, .. postProcessor.After.Select(_ => default(TextSpan))])
            : ([.. ids], [.. spans]);

        // An added token has the spaces that it takes along in the text alone.
        ReadOnlySpan<char> Written(int id, TextSpan span) =>
            tokens[id] is string token && !added.ContainsKey(token) ? token : text.AsSpan(span.Start, span.End - span.Start);
    }

    /// <summary>
    /// The ids of each piece of one text. A piece is encoded as what it is, the beginning of the text or what goes on after the pieces before
    /// it, so that no token stands for characters of two pieces. Special tokens around the text are left to the caller.
    /// </summary>
    /// <param name="pieces">The pieces; joined, they are the text.</param>
    /// <param name="most">Ids that are wanted in all; encoding stops where they are there, and what there is equals the whole text's.</param>
    /// <param name="cancellation">Checked for each word.</param>
    /// <param name="literal">For each piece its stretches, in order, that are characters and no special tokens, whatever they spell; null where there are none.</param>
    internal List<int>[] Encode(IReadOnlyList<string> pieces, int most, CancellationToken cancellation, IReadOnlyList<IReadOnlyList<Range>?>? literal = null)
    {
        TextEncoder encoder = new(pipeline, most, cancellation);
        return [.. pieces.Select((piece, index) => encoder.Encode(piece, literal?[index]))];
    }

    /// <summary>The first special token that a stretch of text spells, with its place; null where there is none.</summary>
    internal (int Start, int End)? FindSpecial(ReadOnlySpan<char> text)
    {
        int start = text.IndexOfAny(specialContents);
        if (start < 0)
        {
            return null;
        }

        int length = 0;
        foreach (string content in specialTexts)
        {
            length = content.Length > length && text[start..].StartsWith(content, StringComparison.Ordinal) ? content.Length : length;
        }

        return (start, start + length);
    }

    /// <summary>The text of token ids; bytes that are no UTF-8 become U+FFFD, and ids outside the vocabulary yield nothing.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecialTokens">Whether to leave control tokens, such as the end of a sequence, out of the text.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) => Decode(ids, skipSpecialTokens, continues: false);

    /// <summary>The text of token ids that go on others. Where those are shown as text, the space at the beginning belongs to the text.</summary>
    /// <param name="before">The ids before.</param>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecialTokens">Whether to leave control tokens out of the text.</param>
    public string DecodeContinuation(ReadOnlySpan<int> before, ReadOnlySpan<int> ids, bool skipSpecialTokens = true) =>
        Decode(ids, skipSpecialTokens, continues: Shown(before, skipSpecialTokens).Count > 0);

    /// <summary>What an id writes where it goes on a text: special tokens spelled, a part of a character as its bytes, <c>&lt;0xE2&gt;</c>; nothing for an id without a token.</summary>
    internal string Spell(int id)
    {
        if (id < 0 || id >= tokens.Length || tokens[id] is not string token)
        {
            return "";
        }

        string text = string.Concat(decoder([token], true));
        return text.Contains('\uFFFD', StringComparison.Ordinal) ? ByteAlphabet.Spell(token) : text;
    }

    /// <summary>Refuses ids for which a model has no row in its embedding.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TokenOutOfRange"/>.</exception>
    internal void CheckRange(IEnumerable<int> ids, int vocabularySize)
    {
        int highest = ids.DefaultIfEmpty(-1).Max();
        if (highest >= vocabularySize)
        {
            throw LoraException.Of(LoraError.TokenOutOfRange, Path, Path, highest, vocabularySize);
        }
    }

    /// <summary>Whether token ids have a text at all: what goes on others keeps the space that it begins with.</summary>
    internal bool IsShown(ReadOnlySpan<int> ids, bool skipSpecialTokens) => Shown(ids, skipSpecialTokens).Count > 0;

    /// <summary>The text of token ids, which go on others or begin.</summary>
    internal string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens, bool continues) =>
        string.Concat(decoder(Shown(ids, skipSpecialTokens), continues));

    private List<string> Shown(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        List<string> shown = new(ids.Length);
        foreach (int id in ids)
        {
            if (id >= 0 && id < tokens.Length && tokens[id] is string token && !(skipSpecialTokens && special.Contains(id)))
            {
                shown.Add(token);
            }
        }

        return shown;
    }
}
