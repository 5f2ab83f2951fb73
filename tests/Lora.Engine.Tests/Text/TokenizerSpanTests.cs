using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>
/// The characters that each id stands for, against the Rust library's offsets; equality is exact. Left out are the two cases in which the library
/// loses its place: a character map that drops the first character of a text, and marks that change their order.
/// </summary>
public class TokenizerSpanTests
{
    private const string Reordered = "a\u0308\u0323";

    public static TheoryData<string> Fixtures => TokenizerTests.Fixtures;

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Each_id_stands_for_the_characters_that_the_reference_gives(string tokenizer)
    {
        Tokenizer own = Tokenizer.Load(Repository.Fixture("tokenizers", tokenizer));
        bool composes = tokenizer == "byte-level-composed";
        bool maps = tokenizer.StartsWith("unigram", StringComparison.Ordinal);
        TokenizerGolden[] goldens = [.. TokenizerGolden.Read(tokenizer).Where(golden => !(composes && golden.Text.Contains(Reordered, StringComparison.Ordinal))
            && !(maps && golden.Text is [>= '\u0001' and < '\t' or > '\r' and < ' ', ..]))];
        Assert.True(goldens.Length > 30);
        Assert.All(goldens, golden =>
        {
            (int[] ids, TextSpan[] spans) = own.EncodeWithSpans(golden.Text);
            Assert.Equal(golden.Ids, ids);
            Assert.Equal(golden.Offsets!, spans.Select(span => new[] { CodePoints(golden.Text, span.Start), CodePoints(golden.Text, span.End) }));
        });
    }

    [Fact]
    public void The_first_character_may_be_dropped_and_the_rest_keeps_its_place()
    {
        (_, TextSpan[] spans) = Tokenizer.Load(Repository.Fixture("tokenizers", "unigram-albert")).EncodeWithSpans("\u0001The dog", addSpecialTokens: false);
        Assert.Equal("The dog", "\u0001The dog"[spans[0].Start..spans[^1].End]);
    }

    [Fact]
    public void A_mark_that_changes_its_place_stands_for_itself()
    {
        Tokenizer own = Tokenizer.Load(Repository.Fixture("tokenizers", "byte-level-composed"));
        (_, TextSpan[] spans) = own.EncodeWithSpans("x" + Reordered, addSpecialTokens: false);
        Assert.Equal(["x", "a", "\u0308"], spans.Select(span => ("x" + Reordered)[span.Start..span.End]).Distinct());
    }

    [Fact]
    public void A_vocabulary_with_a_token_of_nothing_gives_stretches_within_the_text()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("tokenizer.json", """{"model":{"type":"BPE","vocab":{"":0,"<0x61>":1},"merges":[],"unk_token":"","byte_fallback":true}}""");
        (int[] ids, TextSpan[] spans) = Tokenizer.Load(file).EncodeWithSpans("ab");
        Assert.Equal([1, 0], ids);
        Assert.All(spans, span => Assert.True(span is { Start: >= 0, End: <= 2 } && span.Start < span.End));
    }

    private static int CodePoints(string text, int end) => text[..end].EnumerateRunes().Count();
}
