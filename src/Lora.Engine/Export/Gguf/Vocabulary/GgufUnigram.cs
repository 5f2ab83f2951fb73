using Lora.Checkpoints;
using Lora.Text;

namespace Lora.Export;

/// <summary>
/// A vocabulary of which the best way to write a text is chosen by scores (T5's), as llama.cpp reads it (src/llama-vocab.cpp, llm_tokenizer_ugm): what characters become
/// is the very map of SentencePiece; spaces are marked, and runs of them are one.
/// </summary>
internal static class GgufUnigram
{
    private const string Mark = "▁";

    /// <summary>The fields that say how a text is read.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="content">What its files say.</param>
    /// <param name="model">Its model.</param>
    /// <param name="notes">Takes where llama.cpp makes other ids of a text.</param>
    /// <exception cref="LoraException">GgufRefused: llama.cpp does something else to texts.</exception>
    public static IEnumerable<GgufField> Fields(Tokenizer tokenizer, TokenizerContent content, UnigramModel model, List<string> notes)
    {
        if (model.HasBytes)
        {
            throw GgufVocabulary.Refused(tokenizer, "it writes characters that have no token as bytes, and llama.cpp has the unknown token for them");
        }

        (byte[]? map, bool mergesSpaces) = Normalizer(tokenizer, content.Stages.Optional("normalizer"));
        bool prefix = Prefix(tokenizer, content.Stages.Optional("pre_tokenizer"), ref mergesSpaces);
        if (model.Ids.Keys.Any(token => token.LastIndexOf(Mark, StringComparison.Ordinal) > 0))
        {
            throw GgufVocabulary.Refused(tokenizer, "it cuts texts at spaces, and has tokens with a space within");
        }

        if (map is not null)
        {
            notes.Add("Its tokenizer maps a letter together with all accents that stand behind it, and llama.cpp as much of them as its map has: letters with several accents, or such that are not composed, get other tokens there, and so does a text that begins with the mark of a space (▁).");
        }

        yield return new("tokenizer.ggml.model", GgufValue.Of("t5"));
        yield return new("tokenizer.ggml.pre", GgufValue.Of("default"));
        yield return new("tokenizer.ggml.add_space_prefix", GgufValue.Of(prefix));
        yield return new("tokenizer.ggml.remove_extra_whitespaces", GgufValue.Of(mergesSpaces));
        if (map is not null)
        {
            yield return new("tokenizer.ggml.precompiled_charsmap", GgufValue.OfArray(map));
        }
    }

    /// <summary>The map of characters, and whether runs of spaces are one.</summary>
    private static (byte[]? Map, bool MergesSpaces) Normalizer(Tokenizer tokenizer, TokenizerNode? node)
    {
        byte[]? map = null;
        bool mergesSpaces = false;
        foreach (TokenizerNode step in Steps(node, "normalizers"))
        {
            switch (step.Type)
            {
                case "Precompiled" when map is null:
                    map = Convert.FromBase64String(step.Text("precompiled_charsmap"));
                    break;
                case "Strip" when !step.Flag("strip_left"):
                    break; // runs of spaces at the end go with the others
                case "Replace" when step.Child("pattern").OptionalText("Regex") == " {2,}" && step.Text("content") is " " or Mark:
                    mergesSpaces = true;
                    break;
                case string other:
                    throw GgufVocabulary.Refused(tokenizer, $"its tokenizer changes texts first ({other}), which llama.cpp does not do");
            }
        }

        return (map, mergesSpaces);
    }

    /// <summary>Whether a text gets a space before it.</summary>
    private static bool Prefix(Tokenizer tokenizer, TokenizerNode? node, ref bool mergesSpaces)
    {
        bool? prefix = null;
        foreach (TokenizerNode step in Steps(node, "pretokenizers"))
        {
            switch (step.Type)
            {
                case "WhitespaceSplit" when prefix is null:
                    mergesSpaces = true;
                    break;
                case "Metaspace" when prefix is null && MetaspacePreTokenizer.ReadMark(step) == GgufTokens.Mark:
                    prefix = MetaspacePreTokenizer.ReadScheme(step) != MetaspacePreTokenizer.PrependScheme.Never;
                    break;
                case string other:
                    throw GgufVocabulary.Refused(tokenizer, $"llama.cpp does not cut texts as its pre-tokenizer does ({other})");
            }
        }

        return prefix ?? throw GgufVocabulary.Refused(tokenizer, "its pre-tokenizer is not SentencePiece's marks for spaces");
    }

    private static IEnumerable<TokenizerNode> Steps(TokenizerNode? node, string list) =>
        node is not TokenizerNode present ? [] : present.Type == "Sequence" ? present.Items(list).SelectMany(step => Steps(step, list)) : [present];
}
