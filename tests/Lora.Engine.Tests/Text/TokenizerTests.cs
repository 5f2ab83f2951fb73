using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>Against what the Rust library tokenizers 0.23.2 made of texts (tests/tokenizer-oracle: make-fixtures.mjs, make-models.mjs); equality is exact.</summary>
public class TokenizerTests
{
    private const string Bytes = "byte-level-ignore-merges";

    public static TheoryData<string> Fixtures =>
        [.. Directory.GetDirectories(Repository.Fixture("tokenizers")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Ids_equal_those_of_the_reference(string tokenizer)
    {
        Tokenizer own = Load(tokenizer);
        foreach (TokenizerGolden golden in TokenizerGolden.Read(tokenizer))
        {
            Assert.True(golden.Ids.AsSpan().SequenceEqual(own.Encode(golden.Text)), $"'{golden.Text}' became {string.Join(' ', own.Encode(golden.Text))}");
        }
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Decoded_text_equals_that_of_the_reference(string tokenizer)
    {
        Tokenizer own = Load(tokenizer);
        Assert.All(TokenizerGolden.Read(tokenizer), golden => Assert.Equal(golden.Decoded, own.Decode(golden.Ids)));
    }

    [Fact]
    public void Special_tokens_are_added_and_skipped_on_demand()
    {
        Tokenizer own = Load(Bytes);
        int begin = own.IdOf("<|begin_of_text|>")!.Value;
        int[] plain = own.Encode("dog", addSpecialTokens: false);

        Assert.Equal([begin, .. plain], own.Encode("dog"));
        Assert.Equal("dog", own.Decode([begin, .. plain]));
        Assert.Equal("<|begin_of_text|>dog", own.Decode([begin, .. plain], skipSpecialTokens: false));
    }

    [Fact]
    public void Byte_level_text_comes_back_unchanged_whatever_it_holds()
    {
        Tokenizer own = Load(Bytes);
        Assert.All(TokenizerGolden.Read(Bytes), golden =>
            Assert.Equal(golden.Text, own.Decode(own.Encode(golden.Text, addSpecialTokens: false), skipSpecialTokens: false)));
    }

    [Fact]
    public void An_unpaired_surrogate_is_read_as_the_replacement_character()
    {
        Tokenizer own = Load(Bytes);
        Assert.Equal(own.Encode("a\uFFFDb"), own.Encode("a\uD800b"));
    }

    [Fact]
    public void Ids_outside_the_vocabulary_decode_to_nothing()
    {
        Tokenizer own = Load(Bytes);
        Assert.Equal("dog", own.Decode([-1, .. own.Encode("dog"), own.VocabularySize]));
    }

    [Fact]
    public void The_vocabulary_size_is_the_highest_id_plus_one()
    {
        Tokenizer own = Load(Bytes);
        Assert.Equal(own.IdOf("<|end_of_text|>") + 1, own.VocabularySize);
        Assert.Null(own.IdOf("no such token"));
    }

    [Fact]
    public void Several_threads_get_the_same_ids_as_one()
    {
        Tokenizer own = Load("sentencepiece");
        IReadOnlyList<TokenizerGolden> goldens = TokenizerGolden.Read("sentencepiece");
        Parallel.For(0, 200, round =>
        {
            TokenizerGolden golden = goldens[round % goldens.Count];
            Assert.Equal(golden.Ids, own.Encode(golden.Text));
        });
    }

    [Fact]
    public void The_story_model_encodes_the_sentence_that_its_notes_give()
    {
        Tokenizer own = Tokenizer.Load(Repository.Shared("models", "stories260K"));
        Assert.Equal([1, 403, 407, 261, 378], own.Encode("Once upon a time"));
        Assert.Equal(512, own.VocabularySize);
        Assert.Equal(1, own.BeginOfSequenceId);
        Assert.Equal(2, own.EndOfSequenceId);
    }

    private static Tokenizer Load(string name) => Tokenizer.Load(Repository.Fixture("tokenizers", name));
}
