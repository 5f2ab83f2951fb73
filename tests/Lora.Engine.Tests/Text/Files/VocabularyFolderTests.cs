using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>
/// Folders without a tokenizer.json against what the Rust library tokenizers 0.23.2 makes of the tokenizer.json that transformers' converters would
/// write (tests/tokenizer-oracle/make-vocabularies.mjs); equality is exact.
/// </summary>
public sealed class VocabularyFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Fixtures =>
        [.. Directory.GetDirectories(Repository.Fixture("vocabularies")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Ids_and_decoded_text_equal_those_of_the_converted_tokenizer(string name)
    {
        Tokenizer own = Tokenizer.Load(Repository.Fixture("vocabularies", name));
        IReadOnlyList<TokenizerGolden> goldens = TokenizerGolden.Read(Path.Combine("..", "vocabularies", name));
        Assert.True(goldens.Count > 90);
        Assert.All(goldens, golden =>
        {
            Assert.Equal(golden.Ids, own.Encode(golden.Text));
            Assert.Equal(golden.Decoded, own.Decode(golden.Ids));
            Assert.Equal(golden.Ids, own.EncodeWithSpans(golden.Text).Ids);
        });
    }

    [Fact]
    public void A_tokenizer_json_goes_before_the_older_files()
    {
        Copy("bert");
        File.Copy(Repository.Fixture("tokenizers", "wordpiece-cased", "tokenizer.json"), folder.File("tokenizer.json"));
        Assert.EndsWith("tokenizer.json", Tokenizer.Load(folder.Path).Path, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_any_of_the_files_is_told_what_is_looked_for()
    {
        LoraException failure = Failure();
        Assert.Equal(LoraError.TokenizerMissing, failure.Error);
        Assert.Contains("tokenizer.json, tokenizer.model, spiece.model, sentencepiece.bpe.model, vocab.json, vocab.txt", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert", "tokenizer_config.json", """{"tokenizer_class":"RoFormerTokenizer"}""", "RoFormerTokenizer")]
    [InlineData("gpt2", "tokenizer_config.json", """{"tokenizer_class":"CLIPTokenizer"}""", "CLIPTokenizer")]
    [InlineData("t5", "tokenizer_config.json", """{"tokenizer_class":"PegasusTokenizerFast"}""", "PegasusTokenizer")]
    [InlineData("t5", "config.json", """{"model_type":"xglm"}""", "xglm")]
    public void A_class_that_is_not_known_is_refused_by_name(string fixture, string file, string json, string name)
    {
        Copy(fixture);
        folder.Write(file, json);
        LoraException failure = Failure();
        Assert.Equal(LoraError.TokenizerUnsupported, failure.Error);
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert", "vocab.txt", "a\nb\n", "'[UNK]'")]
    [InlineData("bert", "tokenizer_config.json", """{"unk_token":"a new one"}""", "'a new one'")]
    [InlineData("t5", "tokenizer_config.json", """{"extra_ids":2000000000}""", "2000000000")]
    [InlineData("gpt2", "merges.txt", "#version: 0.2\na\n", "'a'")]
    [InlineData("gpt2", "merges.txt", "a no-such-token\n", "no-such-token")]
    [InlineData("gpt2", "vocab.json", """{"a":"b"}""", "the id of 'a'")]
    [InlineData("llama", "tokenizer_config.json", """{"added_tokens_decoder":{"x":{"content":"a"}}}""", "\"x\"")]
    [InlineData("llama", "tokenizer_config.json", """{"added_tokens_decoder":{"1":{"special":true}}}""", "has no \"content\"")]
    [InlineData("llama", "added_tokens.json", """{"a":-1}""", "the id of 'a'")]
    [InlineData("llama", "special_tokens_map.json", """{"bos_token":[]}""", "\"bos_token\"")]
    public void What_is_wrong_in_a_file_is_named(string fixture, string file, string content, string reason)
    {
        Copy(fixture);
        folder.Write(file, content);
        LoraException failure = Failure();
        Assert.Equal(LoraError.TokenizerInvalid, failure.Error);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_may_end_as_Windows_ends_them()
    {
        folder.Write("vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\n");
        Assert.Equal([2, 5, 3], Tokenizer.Load(folder.Path).Encode("A"));
    }

    [Fact]
    public void A_vocabulary_that_is_no_UTF_8_is_refused()
    {
        File.WriteAllBytes(folder.File("vocab.txt"), [.. "[UNK]\n"u8, 0xFF]);
        Assert.Contains("not UTF-8", Failure().Message, StringComparison.Ordinal);
    }

    private void Copy(string fixture)
    {
        foreach (string file in Directory.GetFiles(Repository.Fixture("vocabularies", fixture)))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }
    }

    private LoraException Failure() => Assert.Throws<LoraException>(() => Tokenizer.Load(folder.Path));
}
