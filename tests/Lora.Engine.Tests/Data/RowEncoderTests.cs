using Lora.Data;
using Lora.Tests.Text;
using Lora.Text;

namespace Lora.Tests.Data;

public class RowEncoderTests
{
    private const int Unlimited = 100_000;

    [Theory]
    [MemberData(nameof(TextPiecesTests.Pairs), MemberType = typeof(TextPiecesTests))]
    public void A_pair_equals_its_text_but_where_a_token_reaches_across_the_border_and_then_it_is_told(string tokenizer, string goldens)
    {
        Tokenizer own = TextPiecesTests.Load(tokenizer);
        RowEncoder encoder = new(own, Unlimited);
        Assert.All(TextPiecesTests.Read(goldens), pair =>
        {
            EncodedRow row = Encode(encoder, new CompletionRow(1, pair.Prompt, pair.Completion));
            EncodedRow text = Encode(encoder, new TextRow(1, pair.Prompt + pair.Completion));
            bool isCut = !pair.Joined.SequenceEqual([.. pair.Given, .. pair.Learned]);
            Assert.Equal(isCut, row.Notes.HasFlag(RowNotes.Cut));
            Assert.False(text.Notes.HasFlag(RowNotes.Cut));
            if (!isCut)
            {
                Assert.Equal(text.Example.Ids, row.Example.Ids);
            }
        });
    }

    [Theory]
    [MemberData(nameof(TextPiecesTests.Pairs), MemberType = typeof(TextPiecesTests))]
    public void What_is_given_is_what_the_model_is_given_when_it_answers_the_prompt(string tokenizer, string goldens)
    {
        RowEncoder encoder = new(TextPiecesTests.Load(tokenizer), Unlimited);
        Assert.All(TextPiecesTests.Read(goldens).Where(pair => pair.Prompt.Length > 0), pair =>
        {
            TrainingExample example = Encode(encoder, new CompletionRow(1, pair.Prompt, pair.Completion)).Example;
            int given = example.Labels.TakeWhile(label => label == TrainingExample.Unsupervised).Count();
            Assert.Equal(encoder.EncodePrompt(pair.Prompt, TestContext.Current.CancellationToken), example.Ids[..given]);
        });
    }

    [Theory]
    [InlineData("One day, a little girl named", " Lily found a needle in her room.", 15)]
    [InlineData("One day, a little girl named", "Lily found a needle in her room.", 16)]
    public void The_story_model_learns_the_tokens_of_the_text_and_no_space_that_it_lacks(string prompt, string completion, int supervised)
    {
        RowEncoder encoder = new(TextPiecesTests.Load("stories260K"), Unlimited);
        TrainingExample pair = Encode(encoder, new CompletionRow(1, prompt, completion)).Example;
        TrainingExample text = Encode(encoder, new TextRow(1, prompt + completion)).Example;
        Assert.Equal(supervised, pair.TargetCount);
        Assert.Equal(text.Ids, pair.Ids);
    }

    [Fact]
    public void Several_stretches_are_learned_and_what_stands_between_them_is_given()
    {
        Tokenizer own = TextPiecesTests.Load("byte-level-digits");
        RowEncoder encoder = new(own, Unlimited);
        TextPiece[] pieces = [new("The quick", false), new(" brown fox", true), new(" jumps", false), new(" over", true)];
        EncodedRow row = encoder.Encode(pieces, 7, TestContext.Current.CancellationToken)!;
        int[] learned = [.. row.Example.Labels.Where(label => label != TrainingExample.Unsupervised)];
        Assert.Equal(" brown fox over", own.DecodeContinuation(own.Encode("The quick"), learned));
        Assert.Equal(own.Encode("The quick brown fox jumps over"), row.Example.Ids);
        Assert.False(row.Notes.HasFlag(RowNotes.Cut));
    }

    private static EncodedRow Encode(RowEncoder encoder, DatasetRow row) => encoder.Encode(row, TestContext.Current.CancellationToken)!;
}
