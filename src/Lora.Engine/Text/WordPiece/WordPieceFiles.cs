namespace Lora.Text;

/// <summary>BERT's vocab.txt without a tokenizer.json, as transformers' BertConverter makes a tokenizer of it.</summary>
internal static class WordPieceFiles
{
    /// <summary>The file: a token a line, in the order of their ids.</summary>
    public const string Name = "vocab.txt";

    private static readonly string[] Classes = ["Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "Lxmert", "LayoutLM"];

    private static readonly Dictionary<string, AddedToken> Special = new()
    {
        ["unk_token"] = AddedToken.Plain(0, "[UNK]", special: true),
        ["sep_token"] = AddedToken.Plain(0, "[SEP]", special: true),
        ["pad_token"] = AddedToken.Plain(0, "[PAD]", special: true),
        ["cls_token"] = AddedToken.Plain(0, "[CLS]", special: true),
        ["mask_token"] = AddedToken.Plain(0, "[MASK]", special: true),
    };

    public static TokenizerContent Read(string file)
    {
        TokenizerConfig config = new(file);
        if (config.Class is string name && !Classes.Contains(name))
        {
            throw LoraException.Of(LoraError.TokenizerUnsupported, file, file, "without a tokenizer.json the tokenizer class", name + "Tokenizer");
        }

        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        int line = 0;
        foreach (string token in TokenizerFile.ReadLines(file))
        {
            // A line that stands twice counts where it stands last, and an empty one has an id too (transformers, load_vocab).
            vocabulary[token] = line++;
        }

        List<AddedToken> added = config.AddedTokens([], Special, vocabulary);
        string unknown = config.Token("unk_token", "[UNK]") ?? throw Lacks("unk_token");
        WordPieceModel model = new(vocabulary, vocabulary.TryGetValue(unknown, out int id) ? id : throw Lacks(unknown));
        return new(TokenizerContent.Made(Stages(), file), model, added);

        LoraException Lacks(string token) => LoraException.Of(LoraError.TokenizerInvalid, file, file, $"it lacks the token '{token}'");

        int IdOf(string token) => added.FirstOrDefault(other => other.Content == token)?.Id ?? throw Lacks(token);

        string Stages()
        {
            // The defaults are those of BertTokenizer's arguments; accents that are neither kept nor stripped go with the capitals.
            string normalizer = $$"""
                {
                    "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": {{Json(config.Flag("tokenize_chinese_chars", absent: true))}},
                    "strip_accents": {{(config.IsAbsent("strip_accents") ? "null" : Json(config.Flag("strip_accents", absent: false)))}},
                    "lowercase": {{Json(config.Flag("do_lower_case", absent: true))}}
                }
                """;
            return $$"""
                {
                    "normalizer": {{normalizer}},
                    "pre_tokenizer": { "type": "BertPreTokenizer" },
                    "post_processor": {{TokenizerContent.Template([config.Token("cls_token", "[CLS]") ?? throw Lacks("cls_token")], [config.Token("sep_token", "[SEP]") ?? throw Lacks("sep_token")], IdOf)}},
                    "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true }
                }
                """;
        }
    }

    private static string Json(bool flag) => flag ? "true" : "false";
}
