using System.Text.Json;
using Lora.Export;
using Lora.Text;

namespace Lora.Tests.Export;

/// <summary>llama.cpp makes the ids of our tokenizer of what is written for it, and has its special tokens and templates byte for byte.</summary>
public sealed class GgufVocabularyTests : IDisposable
{
    private const int Padding = 5;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    // What llama.cpp does otherwise, which a note each says: texts that are not composed; "</s>", which is special there whatever the files say; spaces before a
    // text and beside special tokens; runs of marks that no merge makes; a mark before a text; vowel signs of Indic scripts and syllables of Hangul; long words.
    [Theory]
    [InlineData("examples/model", "")]
    [InlineData("tests/fixtures/tokenizers/byte-level-composed", "composed strip")]
    [InlineData("tests/fixtures/tokenizers/byte-level-digits", "")]
    [InlineData("tests/fixtures/tokenizers/byte-level-ignore-merges", "")]
    [InlineData("tests/fixtures/tokenizers/sentencepiece", "")]
    [InlineData("tests/fixtures/tokenizers/sentencepiece-bare", "runs")]
    [InlineData("tests/fixtures/vocabularies/llama", "")]
    [InlineData("tests/fixtures/vocabularies/llama-added", "spaces strip")]
    [InlineData("tests/fixtures/vocabularies/llama-no-prefix", "")]
    [InlineData("tests/fixtures/vocabularies/gemma", "")]
    [InlineData("tests/fixtures/vocabularies/gpt2", "closing")]
    [InlineData("tests/fixtures/vocabularies/opt", "")]
    [InlineData("tests/fixtures/vocabularies/qwen2", "composed closing")]
    [InlineData("tests/fixtures/tokenizers/unigram-t5", "composed marks")]
    [InlineData("tests/fixtures/vocabularies/t5", "composed marks")]
    [InlineData("tests/fixtures/tokenizers/wordpiece", "signs long")]
    [InlineData("tests/fixtures/vocabularies/bert", "signs long")]
    public void The_ids_of_texts_are_those_of_our_tokenizer(string folder, string otherwise) => AssertSameIds(Path.Combine(Repository.Root, folder), otherwise);

    [Fact]
    public void The_ids_of_texts_are_those_of_our_tokenizer_for_the_stories() => AssertSameIds(Repository.Shared("models", "stories260K"), "");

    [Theory]
    [InlineData("tests/fixtures/tokenizers/byte-level-prefix", "cuts texts")]
    [InlineData("tests/fixtures/tokenizers/metaspace-always", "256 bytes")]
    [InlineData("tests/fixtures/tokenizers/unigram-albert", "changes texts first (Replace)")]
    [InlineData("tests/fixtures/tokenizers/unigram-bytes", "as bytes")]
    [InlineData("tests/fixtures/tokenizers/wordpiece-cased", "capital letters or accents")]
    public void What_llama_cpp_has_no_form_for_is_refused_with_the_reason_and_the_way_out(string folder, string reason)
    {
        LoraException exception = Assert.Throws<LoraException>(() => GgufVocabulary.Of(Path.Combine(Repository.Root, folder), 100_000, [], null));

        Assert.Equal(LoraError.GgufRefused, exception.Error);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.Contains("HuggingFace", exception.Problem.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("the fox", true, false, null)]
    [InlineData("LONG", true, true, "a word of more than 100 characters")]
    [InlineData("th\u0001e", true, false, null)]
    [InlineData("th\u0001e", false, true, "reads control characters (clean_text is false)")]
    public void What_BERT_s_tokenizer_reads_otherwise_is_said(string text, bool cleans, bool isOtherwise, string? note)
    {
        Directory.CreateDirectory(files.File("bert"));
        files.Write("bert/tokenizer.json", File.ReadAllText(Repository.Fixture("tokenizers", "wordpiece/tokenizer.json")).Replace("\"clean_text\":true", $"\"clean_text\":{(cleans ? "true" : "false")}", StringComparison.Ordinal));
        Tokenizer tokenizer = Tokenizer.Load(files.File("bert"));
        GgufVocabulary vocabulary = GgufVocabulary.Of(files.File("bert"), tokenizer.VocabularySize, [], null);
        using LlamaVocabulary llama = LlamaVocabulary.Open(files, vocabulary);

        string read = text == "LONG" ? new('e', 101) : text;
        Assert.Equal(isOtherwise, !tokenizer.Encode(read).SequenceEqual(llama.Encode(read)));
        Assert.Equal(cleans ? 2 : 3, vocabulary.Notes.Count);
        Assert.True(note is null || vocabulary.Notes.Any(said => said.Contains(note, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_vocabulary_of_more_tokens_than_the_model_has_rows_is_refused() => Assert.Equal(
        LoraError.GgufRefused, Assert.Throws<LoraException>(() => GgufVocabulary.Of(Path.Combine(Repository.Root, "examples/model"), 511, [], null)).Error);

    [Fact]
    public void Special_tokens_are_those_of_the_files_and_the_end_of_a_turn_is_one_of_its_own()
    {
        string folder = Example(("tokenizer_config.json", """{ "bos_token": "<|begin|>", "eos_token": "<|end|>", "pad_token": "<|end|>" }"""), ("generation_config.json", """{ "eos_token_id": [1, 7] }"""));

        using LlamaVocabulary llama = LlamaVocabulary.Open(files, GgufVocabulary.Of(folder, 512, [], null));

        Assert.Equal((0, 1, 7), (llama.Begin, llama.End, llama.EndOfTurn));
        Assert.Equal("1", llama.Metadata("tokenizer.ggml.padding_token_id"));
        Assert.Equal("true", llama.Metadata("tokenizer.ggml.add_bos_token"));
        Assert.Equal("false", llama.Metadata("tokenizer.ggml.add_eos_token"));
    }

    [Fact]
    public void New_tokens_come_behind_the_last()
    {
        string folder = Path.Combine(Repository.Root, "examples/model");

        using LlamaVocabulary llama = LlamaVocabulary.Open(files, GgufVocabulary.Of(folder, 520, ["<|tool|>"], null));

        Assert.Equal([.. Tokenizer.Load(folder).Encode("a"), 512], llama.Encode("a<|tool|>"));
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ m.content }}\n{%- endfor %}\t'\"\\ \u00e9 \u6c34 \ud83d\ude00  \r\n")]
    [InlineData("\n")]
    public void The_chat_template_is_the_folder_s_byte_for_byte(string template)
    {
        string folder = Example(("tokenizer_config.json", JsonSerializer.Serialize(new { chat_template = template })));

        using LlamaVocabulary llama = LlamaVocabulary.Open(files, GgufVocabulary.Of(folder, 512, [], null));

        Assert.Equal(template, llama.Metadata("tokenizer.chat_template"));
        Assert.Equal(template, llama.ChatTemplate());
    }

    [Fact]
    public void Templates_by_name_are_all_there_and_an_adapter_s_own_takes_the_place_of_the_first()
    {
        string folder = Example(("tokenizer_config.json", """{ "chat_template": [ { "name": "default", "template": "one" }, { "name": "tool_use", "template": "two" } ] }"""));

        using LlamaVocabulary own = LlamaVocabulary.Open(files, GgufVocabulary.Of(folder, 512, [], null));
        using LlamaVocabulary carried = LlamaVocabulary.Open(files, GgufVocabulary.Of(folder, 512, [], "three"));

        Assert.Equal(("one", "two"), (own.ChatTemplate(), own.ChatTemplate("tool_use")));
        Assert.Equal(("three", "two"), (carried.ChatTemplate(), carried.ChatTemplate("tool_use")));
    }

    [Theory]
    [InlineData("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", false, "Removed", true, "smaug-bpe")]
    [InlineData("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", true, "Isolated", false, "llama-bpe")]
    [InlineData("[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", true, "Isolated", false, "tekken")]
    [InlineData("[A-Z]+", true, "Isolated", false, null)]
    public void The_way_of_cutting_words_has_a_name_by_its_parts(string pattern, bool ignoresMerges, string behavior, bool inverts, string? name)
    {
        string json = JsonSerializer.Serialize(new
        {
            type = "Sequence",
            pretokenizers = new object[]
            {
                new { type = "Split", pattern = new { Regex = pattern }, behavior, invert = inverts },
                new { type = "ByteLevel", add_prefix_space = false, use_regex = false },
            },
        });

        Assert.Equal(name, GgufPreTokenizers.NameOf(TokenizerContent.Made(json, "made"), ignoresMerges));
    }

    private void AssertSameIds(string folder, string otherwise)
    {
        Tokenizer tokenizer = Tokenizer.Load(folder);
        GgufVocabulary vocabulary = GgufVocabulary.Of(folder, tokenizer.VocabularySize + Padding, [], template: null);
        using LlamaVocabulary llama = LlamaVocabulary.Open(files, vocabulary);
        string[] texts = [.. JsonSerializer.Deserialize<string[]>(File.ReadAllText(Repository.Fixture("tokenizers", "texts.json")))!.Where(text => !otherwise.Split(' ').Any(what => IsOtherwise(text, what)))];

        Assert.Equal(tokenizer.VocabularySize + Padding, llama.Count);
        Assert.True(texts.Length > 24);
        Assert.All(texts, text => Assert.Equal(Ids(tokenizer.Encode(text)), Ids(llama.Encode(text))));
        string[] told = [.. otherwise.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(NoteOf)];
        Assert.All(vocabulary.Notes, note => Assert.Contains(told, words => note.Contains(words, StringComparison.Ordinal)));
        Assert.All(told, words => Assert.Contains(vocabulary.Notes, note => note.Contains(words, StringComparison.Ordinal)));

        static string Ids(int[] ids) => string.Join(' ', ids);
    }

    private static bool IsOtherwise(string text, string what) => what switch
    {
        "composed" => !text.Replace("\uFFFE", "", StringComparison.Ordinal).IsNormalized(),
        "closing" => text.Contains("</s>", StringComparison.Ordinal),
        "spaces" => text.StartsWith(' ') || text.StartsWith('▁') || text.Contains("<s>", StringComparison.Ordinal),
        "runs" => text.Contains("   ", StringComparison.Ordinal) || text.Contains("▁▁", StringComparison.Ordinal),
        "marks" => text.StartsWith('▁'),
        "signs" => text.Any(letter => letter is (>= '\u0900' and <= '\u097F') or (>= '\uAC00' and <= '\uD7A3') or (>= '\u1100' and <= '\u11FF')),
        "strip" => text.Contains("<mask>", StringComparison.Ordinal),
        "long" => text.Length > 100,
        _ => false,
    };

    private static string NoteOf(string what) => what switch
    {
        "composed" => "not composed",
        "closing" => "takes </s> for special",
        "spaces" => "texts that begin with a space get other tokens",
        "runs" => "say more than scores of tokens can",
        "marks" => "begins with the mark of a space",
        "signs" => "syllables of Hangul",
        "strip" => "take the spaces beside them along",
        _ => "a word of more than 100 characters",
    };

    /// <summary>The example's tokenizer with files beside it.</summary>
    private string Example(params (string Name, string Text)[] beside)
    {
        string folder = Directory.CreateDirectory(files.File("model")).FullName;
        File.Copy(Path.Combine(Repository.Root, "examples/model/tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        foreach ((string name, string text) in beside)
        {
            files.Write("model/" + name, text);
        }

        return folder;
    }
}
