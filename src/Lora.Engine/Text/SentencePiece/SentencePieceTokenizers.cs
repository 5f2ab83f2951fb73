using System.Text.Json;

namespace Lora.Text;

/// <summary>
/// A model file of SentencePiece without a tokenizer.json, as transformers' converters make a tokenizer of it (convert_slow_tokenizer.py). Each class
/// of tokenizer has its own way.
/// </summary>
internal sealed class SentencePieceTokenizers
{
    private const string Spaces = """{ "type": "Replace", "pattern": { "String": " " }, "content": "▁" }""";
    private const string Marks = """{ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }""";
    private const string FirstSpace = """{ "type": "Strip", "content": " ", "start": 1, "stop": 0 }""";

    private readonly SentencePieceModel model;
    private readonly TokenizerConfig config;
    private readonly List<(string Token, double Score)> tokens;
    private readonly Dictionary<string, AddedToken> special = [];
    private List<AddedToken> added = [];

    private SentencePieceTokenizers(SentencePieceModel model, TokenizerConfig config)
    {
        this.model = model;
        this.config = config;
        tokens = [.. model.Pieces.Select(piece => (piece.Text, (double)piece.Score))];
    }

    public static TokenizerContent Read(string file)
    {
        TokenizerConfig config = new(file);
        SentencePieceTokenizers tokenizers = new(SentencePieceModel.Read(file), config);
        return (config.Class, config.ModelType) switch
        {
            ("Llama", _) => tokenizers.Llama(),
            ("Gemma", _) => tokenizers.Gemma(),
            ("T5", _) => tokenizers.T5(),
            ("Albert", _) => tokenizers.Albert(),
            ("XLMRoberta", _) => tokenizers.XlmRoberta(),
            (null, null) => tokenizers.Plain(),
            (null, string type) => throw LoraException.Of(LoraError.TokenizerUnsupported, file, file, "without a tokenizer.json the tokenizer of the model type", type),
            (string name, _) => throw LoraException.Of(LoraError.TokenizerUnsupported, file, file, "without a tokenizer.json the tokenizer class", name + "Tokenizer"),
        };
    }

    private TokenizerContent Llama()
    {
        Name(("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"));
        for (int id = 0; id < Math.Min(3, tokens.Count); id++)
        {
            // LlamaConverter scores the three special tokens with 0, whatever the file says.
            tokens[id] = (tokens[id].Token, 0);
        }

        bool addsPrefix = config.Flag("add_prefix_space", absent: true);
        // The old way puts a mark before every stretch behind a special token; "legacy": false puts one before the text alone.
        bool isLegacy = config.Flag("legacy", absent: true);
        string prepend = addsPrefix ? """{ "type": "Prepend", "prepend": "▁" },""" : "";
        TextModel made = Model(unknown: 0, hasBytes: true);
        return Content(
            made,
            normalizer: isLegacy ? $$"""{ "type": "Sequence", "normalizers": [{{prepend}} {{Spaces}}] }""" : "null",
            preTokenizer: isLegacy ? "null" : Metaspace(addsPrefix ? "first" : "never", split: false),
            postProcessor: Around("<s>", "</s>"),
            decoder: BytesDecoder(addsPrefix ? ", " + FirstSpace : ""));
    }

    private TokenizerContent Gemma()
    {
        Name(("pad_token", "<pad>"), ("eos_token", "<eos>"), ("bos_token", "<bos>"), ("unk_token", "<unk>"));
        string[] first = [.. ((string[])["pad_token", "eos_token", "bos_token"]).Select(key => config.Token(key, special[key].Content) ?? special[key].Content)];
        for (int id = 0; id < Math.Min(first.Length, tokens.Count); id++)
        {
            tokens[id] = (first[id], 0);
        }

        // Older vocabularies lack the tab, and its byte stands for it.
        if (!tokens.Exists(entry => entry.Token == "\t") && tokens.FindIndex(entry => entry.Token == "<0x09>") is >= 0 and int tab)
        {
            tokens[tab] = ("\t", 0);
        }

        return Content(
            Model(unknown: 3, hasBytes: true, alsoSpecial: ["<start_of_turn>", "<end_of_turn>"]),
            normalizer: Spaces,
            // As the converter writes it; the normalizer has left no space to cut at.
            preTokenizer: """{ "type": "Split", "pattern": { "String": " " }, "behavior": "MergedWithPrevious", "invert": false }""",
            postProcessor: Around("<bos>", "<eos>"),
            decoder: BytesDecoder());
    }

    private TokenizerContent T5()
    {
        Name(("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>"));
        // T5 counts them from the end: <extra_id_0> has the highest id.
        for (int extra = ExtraIds() - 1; extra >= 0; extra--)
        {
            tokens.Add(($"<extra_id_{extra}>", 0));
            special[$"extra_id_{extra}"] = AddedToken.Plain(0, $"<extra_id_{extra}>", special: true);
        }

        string metaspace = Metaspace(config.Flag("legacy", absent: true) ? "always" : "first");
        return Content(Model(model.UnknownId, hasBytes: false), UsualNormalizer(), metaspace, Template([], ["</s>"]), metaspace);
    }

    /// <summary>The tokens behind the vocabulary that stand for stretches left out of a text.</summary>
    private int ExtraIds()
    {
        const int Most = 10_000;
        int count = config.Number("extra_ids", absent: 100);
        return count <= Most ? count
            : throw LoraException.Of(LoraError.TokenizerInvalid, model.File, model.File, $"tokenizer_config.json beside it has \"extra_ids\" of {count}; expected are at most {Most}");
    }

    private TokenizerContent Albert()
    {
        Name(("bos_token", "[CLS]"), ("eos_token", "[SEP]"), ("unk_token", "<unk>"), ("sep_token", "[SEP]"), ("pad_token", "<pad>"), ("cls_token", "[CLS]"));
        special["mask_token"] = AddedToken.Plain(0, "[MASK]", special: true) with { StripLeft = true };
        const double Penalty = 100; // A number that takes a comma along is no token of its own.
        for (int id = 0; id < tokens.Count; id++)
        {
            (string token, double score) = tokens[id];
            bool isNumberWithComma = token.Length >= 2 && token[^1] == ',' && char.IsDigit(token[^2]);
            tokens[id] = (token, isNumberWithComma ? score - Penalty : score);
        }

        // AlbertTokenizer reads the quotes of LaTeX as plain ones.
        const string Quotes = """{ "type": "Replace", "pattern": { "String": "``" }, "content": "\"" }, { "type": "Replace", "pattern": { "String": "''" }, "content": "\"" }""";
        string accents = config.Flag("keep_accents", absent: false) ? "" : """, { "type": "NFKD" }, { "type": "StripAccents" }""";
        string letters = config.Flag("do_lower_case", absent: true) ? """, { "type": "Lowercase" }""" : "";
        string normalizer = $$"""
            { "type": "Sequence", "normalizers": [{{Quotes}}{{accents}}{{letters}}, {{Map()}}{ "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": " " }] }
            """;
        return Content(Model(model.UnknownId, hasBytes: false), normalizer, Metaspace("always"), Template(["[CLS]"], ["[SEP]"]), Metaspace("always"));
    }

    private TokenizerContent XlmRoberta()
    {
        Name(("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"), ("sep_token", "</s>"), ("pad_token", "<pad>"), ("cls_token", "<s>"));
        special["mask_token"] = AddedToken.Plain(0, "<mask>", special: true) with { StripLeft = true };
        // fairseq, which trained the model, has four special tokens of its own where SentencePiece's file has three.
        tokens.RemoveRange(0, Math.Min(3, tokens.Count));
        tokens.InsertRange(0, [("<s>", 0), ("<pad>", 0), ("</s>", 0), ("<unk>", 0)]);
        tokens.Add(("<mask>", 0));
        return Content(Model(unknown: 3, hasBytes: false), UsualNormalizer(), Metaspace("always"), Template(["<s>"], ["</s>"]), Metaspace("always"));
    }

    /// <summary>What is in the file and nothing else.</summary>
    private TokenizerContent Plain() => Content(
        Model(model.UnknownId, model.HasBytes),
        $$"""{ "type": "Sequence", "normalizers": [{{Map()}}{{Spaces}}] }""",
        "null",
        "null",
        model.HasBytes ? BytesDecoder() : Marks);

    /// <summary>The class's own special tokens.</summary>
    private void Name(params (string Key, string Token)[] named) =>
        Array.ForEach(named, token => special[token.Key] = AddedToken.Plain(0, token.Token, special: true));

    /// <summary>The model of the tokens as they are now, and the tokens that are found in the text.</summary>
    private TextModel Model(int unknown, bool hasBytes, params string[] alsoSpecial)
    {
        if (unknown >= tokens.Count)
        {
            throw LoraException.Of(LoraError.TokenizerInvalid, model.File, model.File, $"it has {tokens.Count} tokens and none with the id {unknown}");
        }

        TextModel made = model.IsUnigram ? new UnigramModel(tokens, unknown, hasBytes, model.File) : Pairs(hasBytes);
        IEnumerable<AddedToken> own = model.Pieces
            .Where(piece => piece.Kind is SentencePieceModel.PieceKind.Control or SentencePieceModel.PieceKind.UserDefined && made.Ids.ContainsKey(piece.Text))
            .Select(Own);
        added = config.AddedTokens(own, special, made.Ids);
        return made;

        AddedToken Own(SentencePieceModel.Piece piece)
        {
            bool isSpecial = piece.Kind == SentencePieceModel.PieceKind.Control || alsoSpecial.Contains(piece.Text);
            return AddedToken.Plain(made.Ids[piece.Text], piece.Text, isSpecial) with { Normalized = false };
        }
    }

    private BytePairModel Pairs(bool hasBytes)
    {
        Dictionary<string, int> ids = new(tokens.Count, StringComparer.Ordinal);
        for (int id = 0; id < tokens.Count; id++)
        {
            ids[tokens[id].Token] = id;
        }

        Vocabulary vocabulary = new(ids);
        // The converters ask for fuse_unk: SentencePiece makes one token of unknown characters in a row.
        return new(vocabulary, PieceMerges.Of(tokens, vocabulary), new() { UnknownToken = model.UnknownToken, FusesUnknown = true, FallsBackToBytes = hasBytes });
    }

    private TokenizerContent Content(TextModel made, string normalizer, string preTokenizer, string postProcessor, string decoder) => new(
        TokenizerContent.Made(
            $$"""{ "normalizer": {{normalizer}}, "pre_tokenizer": {{preTokenizer}}, "post_processor": {{postProcessor}}, "decoder": {{decoder}} }""", model.File),
        made,
        added);

    private string Map() => model.CharacterMap.Length == 0 ? "" : $$"""{ "type": "Precompiled", "precompiled_charsmap": "{{Convert.ToBase64String(model.CharacterMap)}}" }, """;

    private string UsualNormalizer() => $$"""
        {
            "type": "Sequence",
            "normalizers": [
                {{Map()}}
                { "type": "Strip", "strip_left": false, "strip_right": true },
                { "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": "▁" }
            ]
        }
        """;

    private static string BytesDecoder(string more = "") =>
        $$"""{ "type": "Sequence", "decoders": [{{Marks}}, { "type": "ByteFallback" }, { "type": "Fuse" }{{more}}] }""";

    private static string Metaspace(string scheme, bool split = true) =>
        $$"""{ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "{{scheme}}", "split": {{(split ? "true" : "false")}} }""";

    /// <summary>The tokens that begin and end a sequence, each where the configuration wants it.</summary>
    private string Around(string begin, string end) => Template(
        config.Flag("add_bos_token", absent: true) ? [config.Token("bos_token", begin) ?? begin] : [],
        config.Flag("add_eos_token", absent: false) ? [config.Token("eos_token", end) ?? end] : []);

    private string Template(IReadOnlyList<string> before, IReadOnlyList<string> after) => TokenizerContent.Template(before, after, token =>
        added.FirstOrDefault(other => other.Content == token)?.Id
        ?? throw LoraException.Of(LoraError.TokenizerInvalid, model.File, model.File, $"it lacks the token {JsonSerializer.Serialize(token)}"));
}
