using Lora.Checkpoints;
using Lora.Text;

namespace Lora.Export;

/// <summary>A folder's tokenizer and chat template as the metadata that llama.cpp reads (src/llama-vocab.cpp, llama_vocab::impl::load).</summary>
/// <param name="Fields">The metadata.</param>
/// <param name="Notes">Where llama.cpp makes other ids of a text, which no field can tell it.</param>
internal sealed record GgufVocabulary(IReadOnlyList<GgufField> Fields, IReadOnlyList<string> Notes)
{
    private const string Template = "tokenizer.chat_template";

    private static readonly (string Token, string Key)[] Special =
    [
        ("bos_token", "tokenizer.ggml.bos_token_id"), ("eos_token", "tokenizer.ggml.eos_token_id"),
        ("unk_token", "tokenizer.ggml.unknown_token_id"), ("pad_token", "tokenizer.ggml.padding_token_id"), ("sep_token", "tokenizer.ggml.seperator_token_id"),
    ];

    /// <summary>Reads the tokenizer of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="rows">The rows of the model's embedding.</param>
    /// <param name="newTokens">Special tokens behind the last of the folder's own.</param>
    /// <param name="template">The chat template in place of the folder's; null for the folder's.</param>
    /// <exception cref="LoraException">GgufRefused: llama.cpp has no such tokenizer; or the files cannot be read.</exception>
    public static GgufVocabulary Of(string folder, int rows, IReadOnlyList<string> newTokens, string? template)
    {
        Tokenizer tokenizer = Tokenizer.Load(folder, newTokens);
        TokenizerContent read = TokenizerFile.ReadTokenizer(tokenizer.Path);
        TokenizerContent content = newTokens.Count == 0 ? read : read.With(newTokens);
        if (tokenizer.VocabularySize > rows)
        {
            throw Refused(tokenizer, $"it has {tokenizer.VocabularySize} tokens, and the model {rows} rows for them");
        }

        List<string> notes = [];
        bool isSentencePiece = content.Model is UnigramModel || content.Model is BytePairModel && !GgufPreTokenizers.HasBytes(content.Stages.Optional("pre_tokenizer"));
        IEnumerable<GgufField> kind = content.Model switch
        {
            BytePairModel model => isSentencePiece ? SentencePiece(tokenizer, content, model, notes) : BytePairs(tokenizer, content, model, notes),
            UnigramModel model => GgufUnigram.Fields(tokenizer, content, model, notes),
            WordPieceModel model => GgufWordPiece.Fields(tokenizer, content, model, notes),
            _ => throw Refused(tokenizer, "it has whole words as tokens"),
        };
        GgufTokens tokens = new(content, rows, isSentencePiece);
        if (content.Model is BytePairModel && isSentencePiece && !(tokens.HaveScores && tokens.AreMade))
        {
            notes.Add("Its merges say more than scores of tokens can, which is all that llama.cpp has for such a tokenizer: some texts get other tokens there.");
        }

        if (content.Added.Any(token => token.StripLeft || token.StripRight || token.SingleWord))
        {
            notes.Add("Some of its special tokens take the spaces beside them along or stand for whole words only; llama.cpp leaves such spaces where they are.");
        }

        string[] special = [.. tokens.SpecialByText];
        if (special.Length > 0)
        {
            notes.Add($"llama.cpp takes {string.Join(", ", special)} for special by the text alone, and the tokenizer does not: a text in which it stands gets other tokens there.");
        }

        return new([.. kind, .. tokens.Fields(), .. SpecialIds(tokenizer, folder, tokens.UnknownId, isOfWords: content.Model is WordPieceModel), .. Templates(folder, template)], notes);
    }

    private static IEnumerable<GgufField> BytePairs(Tokenizer tokenizer, TokenizerContent content, BytePairModel model, List<string> notes)
    {
        string name = GgufPreTokenizers.NameOf(content.Stages.Optional("pre_tokenizer"), model.IgnoresMerges)
            ?? throw Refused(tokenizer, "llama.cpp has no name for the way in which it cuts texts into words");
        switch (content.Stages.Optional("normalizer")?.Type)
        {
            case null:
                break;
            case "NFC":
                notes.Add("Its tokenizer composes letters and accents first (NFC), and llama.cpp takes texts as they are: those that are not composed get other tokens there.");
                break;
            case string other:
                throw Refused(tokenizer, $"its tokenizer changes texts first ({other}), which llama.cpp does not do");
        }

        yield return Text("tokenizer.ggml.model", "gpt2");
        yield return Text("tokenizer.ggml.pre", name);
    }

    private static IEnumerable<GgufField> SentencePiece(Tokenizer tokenizer, TokenizerContent content, BytePairModel model, List<string> notes)
    {
        if (!model.HasAllBytes)
        {
            throw Refused(tokenizer, "it has no tokens for the 256 bytes, in which llama.cpp writes characters that have no token");
        }

        bool? prefix = PrefixOfNormalizer(content.Stages.Optional("normalizer"));
        TokenizerNode? preTokenizer = content.Stages.Optional("pre_tokenizer");
        switch (preTokenizer?.Type)
        {
            case null:
                break;
            case "Split" when preTokenizer.Value.Child("pattern").OptionalText("String") == " " && prefix is not null:
                break; // no space is left to cut at
            case "Metaspace" when prefix is null && MetaspacePreTokenizer.ReadMark(preTokenizer.Value) == GgufTokens.Mark:
                MetaspacePreTokenizer.PrependScheme scheme = MetaspacePreTokenizer.ReadScheme(preTokenizer.Value);
                prefix = scheme != MetaspacePreTokenizer.PrependScheme.Never;
                if (preTokenizer.Value.Flag("split", absent: true) && model.Ids.Keys.Any(token => token.IndexOf(GgufTokens.Mark, Math.Min(1, token.Length)) > 0))
                {
                    throw Refused(tokenizer, "it cuts texts at spaces, and has tokens with a space within");
                }

                if (scheme != MetaspacePreTokenizer.PrependScheme.Never)
                {
                    notes.Add("It puts a space before a text unless there is one, and llama.cpp always, behind special tokens too: texts that begin with a space get other tokens there.");
                }

                break;
            case string other:
                throw Refused(tokenizer, $"llama.cpp does not cut texts as its pre-tokenizer does ({other})");
        }

        yield return Text("tokenizer.ggml.model", "llama");
        yield return Text("tokenizer.ggml.pre", "default");
        yield return new("tokenizer.ggml.add_space_prefix", GgufValue.Of(prefix ?? throw Refused(tokenizer, "its normalizer is not SentencePiece's marks for spaces")));
    }

    /// <summary>Whether a normalizer that makes marks of spaces puts one before a text; null where it is another or there is none.</summary>
    private static bool? PrefixOfNormalizer(TokenizerNode? normalizer)
    {
        string[] steps = [.. Steps(normalizer)];
        return steps is ["Replace"] ? false : steps is ["Prepend", "Replace"] ? true : null;

        static IEnumerable<string> Steps(TokenizerNode? node) => node is not TokenizerNode present ? []
            : present.Type switch
            {
                "Sequence" => present.Items("normalizers").SelectMany(step => Steps(step)),
                "Prepend" when present.Text("prepend") == "▁" => ["Prepend"],
                "Replace" when present.Child("pattern").OptionalText("String") == " " && present.Text("content") == "▁" => ["Replace"],
                string other => ["another: " + other],
            };
    }

    private static IEnumerable<GgufField> SpecialIds(Tokenizer tokenizer, string folder, int? unknown, bool isOfWords)
    {
        (IReadOnlyList<int> before, IReadOnlyList<int> after) = (tokenizer.OpeningIds, tokenizer.ClosingIds);
        int? begin = before.Count == 1 ? before[0] : tokenizer.BeginOfSequenceId;
        int? end = after.Count == 1 ? after[0] : tokenizer.EndOfSequenceId;
        if (before.Count > 1 || after.Count > 1 || (before.Count == 1 && tokenizer.BeginOfSequenceId is int own && own != before[0]))
        {
            throw Refused(tokenizer, "it puts more around a text than the tokens that begin and end one");
        }

        string files = Path.GetDirectoryName(tokenizer.Path)!;
        foreach ((string token, string key) in Special)
        {
            int? id = token switch
            {
                "bos_token" => begin,
                "eos_token" => end,
                "sep_token" when isOfWords => end,
                "unk_token" => OfFiles(token) ?? unknown,
                _ => OfFiles(token),
            };
            if (id is int known)
            {
                yield return new(key, GgufValue.Of((uint)known));
            }
        }

        // A chat ends its turns with a token of its own, which generation_config.json lists beside the end of a text.
        if (SpecialTokenNames.Ids(folder, "eos_token_id").FirstOrDefault(id => id != end && id < tokenizer.VocabularySize, -1) is >= 0 and int turn)
        {
            yield return new("tokenizer.ggml.eot_token_id", GgufValue.Of((uint)turn));
        }

        yield return new("tokenizer.ggml.add_bos_token", GgufValue.Of(before.Count == 1));
        yield return new("tokenizer.ggml.add_eos_token", GgufValue.Of(after.Count == 1));

        int? OfFiles(string token)
        {
            try
            {
                return SpecialTokenNames.Find(files, token, tokenizer.IdOf);
            }
            catch (LoraException)
            {
                return null; // a token that the vocabulary lacks is no token of llama.cpp's either
            }
        }
    }

    /// <summary>The chat templates, byte for byte.</summary>
    private static IEnumerable<GgufField> Templates(string folder, string? template)
    {
        IReadOnlyDictionary<string, string> own = ChatTemplateFiles.OfFolder(folder)?.Templates ?? new Dictionary<string, string>();
        if ((template ?? own.GetValueOrDefault(ChatTemplateFiles.Default)) is string main)
        {
            yield return Text(Template, main);
        }

        string[] names = [.. own.Keys.Where(name => name != ChatTemplateFiles.Default)];
        if (names.Length > 0)
        {
            yield return new("tokenizer.chat_templates", GgufValue.OfArray(names));
            foreach (string name in names)
            {
                yield return Text($"{Template}.{name}", own[name]);
            }
        }
    }

    private static GgufField Text(string key, string value) => new(key, GgufValue.Of(value));

    /// <summary>That llama.cpp has no such tokenizer, and why.</summary>
    public static LoraException Refused(Tokenizer tokenizer, string reason) => LoraException.Of(LoraError.GgufRefused, tokenizer.Path, tokenizer.Path, reason);
}
