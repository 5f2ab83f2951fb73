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
