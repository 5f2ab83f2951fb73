using System.Text.Json;

namespace Lora.Text;

/// <summary>GPT-2's vocab.json and merges.txt without a tokenizer.json, as transformers' converters make a tokenizer of them.</summary>
internal static class BytePairFiles
{
    /// <summary>The file of the tokens with their ids; the merges lie beside it.</summary>
    public const string Name = "vocab.json";

    private const string Merges = "merges.txt";
    private const string End = "<|endoftext|>";

    // Qwen2Tokenizer's own words.
    private const string QwenWords = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly string[] Gpt2 = ["GPT2", "CodeGen"];
    private static readonly string[] Roberta = ["Roberta", "Bart", "Longformer", "LED", "Mvp"];

    private static readonly Dictionary<string, AddedToken> Gpt2Special = Usual(("bos_token", End), ("eos_token", End), ("unk_token", End));
    private static readonly Dictionary<string, AddedToken> QwenSpecial = Usual(("eos_token", End), ("unk_token", End), ("pad_token", End));
    private static readonly Dictionary<string, AddedToken> RobertaSpecial = new(
        Usual(("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"), ("sep_token", "</s>"), ("pad_token", "<pad>"), ("cls_token", "<s>")))
    {
        // RobertaTokenizer's mask stands for a word with the space before it.
        ["mask_token"] = AddedToken.Plain(0, "<mask>", special: true) with { StripLeft = true },
    };

    /// <summary>The merges that belong to a vocabulary.</summary>
    public static string MergesBeside(string vocabulary) => Path.Combine(Path.GetDirectoryName(vocabulary)!, Merges);

    public static TokenizerContent Read(string file)
    {
        TokenizerConfig config = new(file);
        string name = config.Class ?? "GPT2";
        Dictionary<string, AddedToken> special = Gpt2.Contains(name) ? Gpt2Special : Roberta.Contains(name) ? RobertaSpecial : name == "Qwen2" ? QwenSpecial
            : throw LoraException.Of(LoraError.TokenizerUnsupported, file, file, "without a tokenizer.json the tokenizer class", name + "Tokenizer");
        Vocabulary vocabulary = Vocabulary.Read(TokenizerFile.Read(file));
        PairMerges merges = ReadMerges(MergesBeside(file), vocabulary);
        List<AddedToken> added = config.AddedTokens([], special, vocabulary.Ids);
        string prefix = config.Flag("add_prefix_space", absent: false) ? "true" : "false";
        string stages = $$"""
            {
                "normalizer": {{(name == "Qwen2" ? """{ "type": "NFC" }""" : "null")}},
                "pre_tokenizer": {{(name == "Qwen2" ? QwenSplit(prefix) : $$"""{ "type": "ByteLevel", "add_prefix_space": {{prefix}} }""")}},
                "post_processor": {{PostProcessor()}},
                "decoder": { "type": "ByteLevel" }
            }
            """;
        return new(TokenizerContent.Made(stages, file), new BytePairModel(vocabulary, merges, new()), added);

        string PostProcessor() => Roberta.Contains(name)
            ? $$"""{ "type": "RobertaProcessing", "cls": {{Pair("cls_token")}}, "sep": {{Pair("sep_token")}}, "trim_offsets": true, "add_prefix_space": {{prefix}} }"""
            // Qwen2 has no begin token, whatever the file asks for.
            : name != "Qwen2" && config.Flag("add_bos_token", absent: false)
                ? TokenizerContent.Template([Named("bos_token")], [], IdOf)
                : """{ "type": "ByteLevel", "trim_offsets": false }""";

        string Pair(string key) => JsonSerializer.Serialize(new object[] { Named(key), IdOf(Named(key)) });

        string Named(string key) =>
            config.Token(key, special.GetValueOrDefault(key)?.Content) ?? throw LoraException.Of(LoraError.TokenizerInvalid, file, file, $"no file beside it names its \"{key}\"");

        int IdOf(string token) => added.First(other => other.Content == token).Id;
    }

    /// <summary>The merges, one a line as <c>a b</c>, best first; the first line may state a version.</summary>
    private static PairMerges ReadMerges(string file, Vocabulary vocabulary)
    {
        PairMerges merges = new();
        foreach (string line in TokenizerFile.ReadLines(file).Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal)))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length != 2 || !merges.TryAdd(parts[0] + parts[1], parts[0].Length, vocabulary))
            {
                throw LoraException.Of(LoraError.TokenizerInvalid, file, file, $"the line '{line}' is not a pair of tokens of {Name} that make a third");
            }
        }

        return merges;
    }

    private static string QwenSplit(string prefix) => $$"""
        {
            "type": "Sequence",
            "pretokenizers": [
                { "type": "Split", "pattern": { "Regex": {{JsonSerializer.Serialize(QwenWords)}} }, "behavior": "Isolated", "invert": false },
                { "type": "ByteLevel", "add_prefix_space": {{prefix}}, "use_regex": false }
            ]
        }
        """;

    private static Dictionary<string, AddedToken> Usual(params (string Key, string Token)[] tokens) =>
        tokens.ToDictionary(token => token.Key, token => AddedToken.Plain(0, token.Token, special: true));
}
