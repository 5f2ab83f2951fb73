using Lora.Text;

namespace Lora.Tests.Text;

public class TokenizerOracleTests
{
    [Fact]
    public void The_story_model_gives_the_ids_and_texts_of_the_reference_run_now()
    {
        string folder = Repository.Shared("models", "stories260K");
        AssertEqualsReference(folder);
    }

    [Theory]
    [InlineData("unigram-t5")]
    [InlineData("unigram-xlm-roberta")]
    [InlineData("unigram-albert")]
    [InlineData("unigram-bytes")]
    [InlineData("wordpiece")]
    [InlineData("wordpiece-cased")]
    [InlineData("byte-level-composed")]
    [InlineData("sentencepiece")]
    public void Five_thousand_texts_of_all_kinds_have_the_ids_and_come_back_as_in_the_Rust_library(string tokenizer)
    {
        const int Count = 5_000;
        string folder = Repository.Fixture("tokenizers", tokenizer);
        Tokenizer own = Tokenizer.Load(folder);
        IReadOnlyList<TokenizerGolden> goldens = TokenizerOracle.Many(Path.Combine(folder, "tokenizer.json"), Count);
        Assert.Equal(Count, goldens.Count);
        Assert.DoesNotContain(goldens, golden => !golden.Ids.AsSpan().SequenceEqual(own.Encode(golden.Text)) || golden.Decoded != own.Decode(golden.Ids));
    }

    internal static void AssertEqualsReference(string folder)
    {
        Tokenizer own = Tokenizer.Load(folder);
        string[] texts = [.. TokenizerGolden.Read("sentencepiece").Select(golden => golden.Text)];
        Assert.All(TokenizerOracle.Encode(Path.Combine(folder, "tokenizer.json"), texts), golden =>
        {
            Assert.Equal(golden.Ids, own.Encode(golden.Text));
            Assert.Equal(golden.Decoded, own.Decode(golden.Ids));
        });
    }
}
