using Lora.Checkpoints;
using Lora.Text;

namespace Lora.Export;

/// <summary>A vocabulary of BERT's as llama.cpp reads it (src/llama-vocab.cpp, llm_tokenizer_wpm), which makes letters small and takes accents off whatever the files say.</summary>
internal static class GgufWordPiece
{
    /// <summary>The fields that say how a text is read.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="content">What its files say.</param>
    /// <param name="model">Its model.</param>
    /// <param name="notes">Takes where llama.cpp makes other ids of a text.</param>
    /// <exception cref="LoraException">GgufRefused: llama.cpp does something else to texts.</exception>
    public static IEnumerable<GgufField> Fields(Tokenizer tokenizer, TokenizerContent content, WordPieceModel model, List<string> notes)
    {
        if (content.Stages.Optional("normalizer") is not TokenizerNode { Type: "BertNormalizer" } normalizer || content.Stages.Optional("pre_tokenizer")?.Type != "BertPreTokenizer")
        {
            throw GgufVocabulary.Refused(tokenizer, "its tokenizer does not cut texts as BERT's does, which is all that llama.cpp has for such tokens");
        }

        bool lowers = normalizer.Flag("lowercase", absent: true);
        if (!lowers || !normalizer.Flag("strip_accents", absent: lowers) || !normalizer.Flag("handle_chinese_chars", absent: true))
        {
            throw GgufVocabulary.Refused(tokenizer, "it tells capital letters or accents apart, and llama.cpp reads texts of BERT's without either");
        }

        notes.Add("llama.cpp takes syllables of Hangul, and vowel signs of Indic scripts, otherwise than the tokenizer: texts with such letters get other tokens there.");
        notes.Add($"Its tokenizer has no tokens for a word of more than {model.LongestWord} characters but the unknown one, and llama.cpp cuts it as any other.");
        if (!normalizer.Flag("clean_text", absent: true))
        {
            notes.Add("Its tokenizer reads control characters (clean_text is false), and llama.cpp leaves them out: texts with such characters get other tokens there.");
        }

        yield return new("tokenizer.ggml.model", GgufValue.Of("bert"));
        yield return new("tokenizer.ggml.pre", GgufValue.Of("default"));
    }
}
