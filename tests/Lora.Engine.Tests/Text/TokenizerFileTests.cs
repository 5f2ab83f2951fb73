using Lora.Text;

namespace Lora.Tests.Text;

public sealed class TokenizerFileTests : IDisposable
{
    private const string Model = """{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"<s>":3},"merges":["a b"]}""";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_missing_path_and_a_folder_without_tokenizer_are_told_apart()
    {
        Assert.Equal(LoraError.PathNotFound, Failure(Path.Combine(folder.Path, "nowhere")).Error);
        Assert.Equal(LoraError.TokenizerMissing, Failure(folder.Path).Error);
    }

    [Theory]
    [InlineData("not json", "not JSON")]
    [InlineData("[]", "the file is not an object")]
    [InlineData("""{"normalizer":null}""", "no \"model\"")]
    [InlineData("""{"model":{"type":"BPE","merges":[]}}""", "no \"vocab\"")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":"x"},"merges":[]}}""", "the id of 'a'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}""", "the entry 0 of")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""", "'a' and 'b'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"content":"x"}]}""", "\"added_tokens\"[0] has no \"id\"")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":2000000000},"merges":[]}}""", "2000000000")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""", "UTF-16")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"a":0}}}""", "'[UNK]'")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":1}}""", "\"unk_id\" is 1")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1],["b"]],"unk_id":0}}""", "the entry 1")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a","x"]],"unk_id":0}}""", "the entry 0")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["\ud800",1]]}}""", "UTF-16")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[]},"normalizer":{"type":"Precompiled","precompiled_charsmap":"?"}}""", "not base64")]
    public void A_malformed_file_is_named_with_the_place(string json, string place)
    {
        LoraException failure = FailureOf(json);
        Assert.Equal(LoraError.TokenizerInvalid, failure.Error);
        Assert.Contains(place, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_merge_that_is_listed_twice_the_last_place_counts()
    {
        File.WriteAllText(folder.File("tokenizer.json"), """{"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4},"merges":["a b","b c","a b"]}}""");

        // The tokenizers crate collects the pairs with their places into a HashMap, so that "b c" goes before "a b" here.
        Assert.Equal([0, 4], Tokenizer.Load(folder.Path).Encode("abc"));
    }

    [Theory]
    [InlineData("""{"model":{"type":"WordLevel","vocab":{}}}""", "WordLevel")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a</w>":0},"merges":[],"end_of_word_suffix":"</w>"}}""", "end_of_word_suffix")]
    [InlineData("""{"normalizer":{"type":"ByteLevel"}}""", "ByteLevel")]
    [InlineData("""{"pre_tokenizer":{"type":"UnicodeScripts"}}""", "UnicodeScripts")]
    [InlineData("""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\p{Han}"},"behavior":"Isolated"}}""", "\\p{Han}")]
    [InlineData("""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"[^(\\s|[.,])]+"},"behavior":"Isolated"}}""", "set operation")]
    [InlineData("""{"pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"Sideways"}}""", "Sideways")]
    [InlineData("""{"post_processor":{"type":"Mystery"}}""", "Mystery")]
    [InlineData("""{"decoder":{"type":"CTC"}}""", "CTC")]
    public void A_part_that_the_reader_lacks_is_named(string json, string name)
    {
        LoraException failure = FailureOf(json.Contains("\"model\"", StringComparison.Ordinal) ? json : json.Insert(1, $"\"model\":{Model},"));
        Assert.Equal(LoraError.TokenizerUnsupported, failure.Error);
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"eos_token":"<s>"}""", 3)]
    [InlineData("tokenizer_config.json", """{"eos_token":{"content":"<s>","lstrip":false}}""", 3)]
    [InlineData("generation_config.json", """{"eos_token_id":[1,2]}""", 1)]
    [InlineData("config.json", """{"eos_token_id":2}""", 2)]
    [InlineData("config.json", """{"eos_token_id":null}""", null)]
    public void The_end_token_is_found_in_the_files_of_the_model(string file, string json, int? expected)
    {
        folder.Write("tokenizer.json", $$"""{"model":{{Model}}}""");
        folder.Write(file, json);
        Assert.Equal(expected, Tokenizer.Load(folder.Path).EndOfSequenceId);
    }

    [Fact]
    public void An_end_token_outside_the_vocabulary_is_an_error()
    {
        folder.Write("tokenizer.json", $$"""{"model":{{Model}}}""");
        folder.Write("tokenizer_config.json", """{"eos_token":"</s>"}""");
        Assert.Equal(LoraError.TokenizerInvalid, Failure(folder.Path).Error);
    }

    private static LoraException Failure(string path) => Assert.Throws<LoraException>(() => Tokenizer.Load(path));

    private LoraException FailureOf(string json) => Failure(folder.Write("tokenizer.json", json));
}
