using System.Text.Json;

namespace Lora.Text;

/// <summary>
/// What the files beside a vocabulary say of a tokenizer that has no tokenizer.json: its class, its options and its special tokens
/// (tokenizer_config.json, special_tokens_map.json, added_tokens.json, and config.json for a model's type).
/// </summary>
internal sealed class TokenizerConfig
{
    private static readonly string[] TokenKeys = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly string folder;
    private readonly TokenizerNode? config;
    private readonly TokenizerNode? map;

    /// <summary>Reads the files that are there.</summary>
    /// <param name="file">The vocabulary.</param>
    public TokenizerConfig(string file)
    {
        folder = Path.GetDirectoryName(file)!;
        config = Read("tokenizer_config.json");
        ModelType = Read("config.json")?.OptionalText("model_type");
        Class = ClassName(config?.OptionalText("tokenizer_class")) ?? ClassOfModel(ModelType);

        // Newer files have all in tokenizer_config.json; what they leave beside it is of the time before.
        bool isNew = config?.Optional("added_tokens_decoder") is not null;
        map = isNew ? null : Read("special_tokens_map.json");
    }

    /// <summary>The name of the tokenizer's class without "Tokenizer", such as <c>Llama</c>; null where the files do not say.</summary>
    public string? Class { get; }

    /// <summary>The model's type; null where there is no config.json.</summary>
    public string? ModelType { get; }

    public bool Flag(string name, bool absent) => config?.Flag(name, absent) ?? absent;

    /// <summary>A number, or what it is where the files do not say.</summary>
    public int Number(string name, int absent) => config?.Optional(name)?.Number() ?? absent;

    /// <summary>Whether a flag is neither true nor false.</summary>
    public bool IsAbsent(string name) => config?.Optional(name) is null;

    /// <summary>The content of a special token, or what the class has where the files do not name it.</summary>
    /// <param name="key">Its key, for example <c>bos_token</c>.</param>
    /// <param name="usual">The class's own.</param>
    public string? Token(string key, string? usual) => Named(key) is TokenizerNode token ? AddedToken.ReadNamed(token, 0).Content : IsNull(key) ? null : usual;

    /// <summary>
    /// The tokens that are found in the text: those of the vocabulary's own file, those that the files list, and the special tokens by name, in this order.
    /// </summary>
    /// <param name="own">Those of the vocabulary's own file.</param>
    /// <param name="usual">The class's special tokens by their keys.</param>
    /// <param name="ids">The vocabulary.</param>
    public List<AddedToken> AddedTokens(IEnumerable<AddedToken> own, IReadOnlyDictionary<string, AddedToken> usual, IReadOnlyDictionary<string, int> ids)
    {
        OrderedDictionary<string, AddedToken> tokens = new(StringComparer.Ordinal);
        foreach (AddedToken token in own)
        {
            tokens[token.Content] = token;
        }

        int free = ids.Values.Concat(tokens.Values.Select(token => token.Id)).DefaultIfEmpty(-1).Max() + 1;
        List<(AddedToken Token, bool Counts)> named = [.. Special(usual)];
        HashSet<string> special = [.. named.Select(entry => entry.Token.Content)];
        foreach (AddedToken token in Listed(special).OrderBy(token => token.Id))
        {
            // A token that the vocabulary has keeps the vocabulary's id, whatever the list says.
            tokens[token.Content] = token with { Id = ids.TryGetValue(token.Content, out int id) ? id : token.Id, Special = token.Special || special.Contains(token.Content) };
            free = Math.Max(free, tokens[token.Content].Id + 1);
        }

        foreach ((AddedToken token, bool counts) in named)
        {
            int known = tokens.TryGetValue(token.Content, out AddedToken? other) ? other.Id : ids.GetValueOrDefault(token.Content, -1);
            if (other is null || counts)
            {
                // What nobody has numbered goes behind the last, in the order in which transformers would add it.
                tokens[token.Content] = token with { Id = known >= 0 ? known : free++ };
            }
        }

        return [.. tokens.Values];
    }

    /// <summary>The class of a model's tokenizer, where no file names it.</summary>
    private static string? ClassOfModel(string? modelType) => modelType switch
    {
        "llama" or "mistral" or "mixtral" or "phi3" => "Llama",
        "gemma" or "gemma2" or "gemma3" or "gemma3_text" => "Gemma",
        "t5" or "mt5" or "umt5" or "longt5" => "T5",
        "albert" => "Albert",
        "xlm-roberta" => "XLMRoberta",
        "bert" or "distilbert" or "electra" or "mobilebert" => "Bert",
        "gpt2" or "gpt_neo" or "gptj" or "opt" or "phi" or "codegen" or "starcoder2" => "GPT2",
        "roberta" or "bart" or "longformer" => "Roberta",
        "qwen2" or "qwen3" or "qwen2_moe" or "qwen3_moe" => "Qwen2",
        _ => null,
    };

    private static string? ClassName(string? name)
    {
        string? plain = name?.EndsWith("Fast", StringComparison.Ordinal) == true ? name[..^4] : name;
        // Classes that say nothing of the family: the base of fast tokenizers, and what transformers 5 calls it.
        return plain is null or "PreTrainedTokenizer" or "TokenizersBackend" ? null
            : plain.EndsWith("Tokenizer", StringComparison.Ordinal) ? plain[..^"Tokenizer".Length] : plain;
    }

    /// <summary>
    /// The special tokens by name, of which a file may change each, and whether what is said of their surroundings counts where the token is known
    /// already: it does where more than its characters are given.
    /// </summary>
    private IEnumerable<(AddedToken Token, bool Counts)> Special(IReadOnlyDictionary<string, AddedToken> usual)
    {
        foreach (string key in TokenKeys)
        {
            AddedToken? own = usual.GetValueOrDefault(key);
            if (Named(key) is TokenizerNode token)
            {
                bool isObject = token.Element.ValueKind == JsonValueKind.Object;
                yield return isObject || own is null ? (AddedToken.ReadNamed(token, 0), isObject) : (own with { Content = token.Text() }, own.StripLeft);
            }
            else if (own is not null && !IsNull(key))
            {
                yield return (own, own.StripLeft);
            }
        }

        foreach ((_, AddedToken own) in usual.Where(token => !TokenKeys.Contains(token.Key)))
        {
            yield return (own, false);
        }

        const string Additional = "additional_special_tokens";
        foreach (TokenizerNode token in Named(Additional)?.Items() ?? [])
        {
            yield return (AddedToken.ReadNamed(token, 0), token.Element.ValueKind == JsonValueKind.Object);
        }
    }

    /// <summary>The added tokens that the files list with their ids.</summary>
    private IEnumerable<AddedToken> Listed(HashSet<string> special)
    {
        if (config?.Optional("added_tokens_decoder") is TokenizerNode decoder)
        {
            foreach (JsonProperty entry in decoder.Of(JsonValueKind.Object, "an object").Element.EnumerateObject())
            {
                yield return int.TryParse(entry.Name, out int id) && id >= 0
                    ? AddedToken.ReadNamed(decoder with { Element = entry.Value, Place = $"\"{entry.Name}\"" }, id, isSpecial: false)
                    : throw decoder.Invalid($"\"{entry.Name}\" of \"added_tokens_decoder\" is not an id");
            }
        }
        else if (Read("added_tokens.json") is TokenizerNode added)
        {
            foreach ((string token, int id) in Vocabulary.Read(added).Ids)
            {
                yield return AddedToken.Plain(id, token, special.Contains(token));
            }
        }
    }

    private TokenizerNode? Named(string key) => map?.Optional(key) ?? config?.Optional(key);

    /// <summary>Whether a file says that there is no such token.</summary>
    private bool IsNull(string key) => config is TokenizerNode node && node.Element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Null;

    private TokenizerNode? Read(string name)
    {
        string file = Path.Combine(folder, name);
        return File.Exists(file) ? TokenizerFile.Read(file) : null;
    }
}
