using Lora.Generation;
using Lora.Text;

namespace Lora.Tests.Generation;

public class GeneratedTextTests
{
    private const string Said = " Schön, „naïve” 漢字 and 🦊🐻‍❄️ say: STOP! And on.";

    public static TheoryData<string> Tokenizers { get; } =
        ["byte-level-composed", "byte-level-digits", "byte-level-ignore-merges", "byte-level-prefix", "metaspace-always", "metaspace-first", "metaspace-never", "unigram-bytes", "unigram-t5"];

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void The_pieces_make_up_the_text_and_have_whole_characters(string name)
    {
        Tokenizer tokenizer = Tokenizer.Load(Repository.Fixture("tokenizers", name, "tokenizer.json"));
        int[] prompt = tokenizer.Encode("It says", addSpecialTokens: false);
        int[] said = tokenizer.Encode(Said, addSpecialTokens: false);
        GeneratedText text = new(tokenizer, prompt, [], keepsSpecialTokens: false);

        string[] pieces = [.. said.Select(text.Add), text.End()];

        Assert.Equal(tokenizer.DecodeContinuation(prompt, said), string.Concat(pieces));
        Assert.Equal(string.Concat(pieces), text.Text);
        Assert.All(pieces, piece => Assert.False(piece.Length > 0 && (char.IsHighSurrogate(piece[^1]) || char.IsLowSurrogate(piece[0])), piece));
        Assert.Equal(tokenizer.DecodeContinuation(prompt, said).Contains('\uFFFD'), pieces.Any(piece => piece.Contains('\uFFFD')));
    }

    [Theory]
    [InlineData("STOP!")]
    [InlineData("漢")]
    [InlineData(": S")]
    [InlineData("\U0001F98A")]
    public void A_stop_text_ends_it_and_not_a_character_of_it_is_shown(string stop)
    {
        Tokenizer tokenizer = Tokenizer.Load(Repository.Fixture("tokenizers", "byte-level-digits", "tokenizer.json"));
        GeneratedText text = new(tokenizer, [], ["nowhere in it", stop], keepsSpecialTokens: false);
        string shown = "";
        foreach (int id in tokenizer.Encode(Said, addSpecialTokens: false))
        {
            shown += text.Add(id);
            if (text.IsStopped)
            {
                break;
            }
        }

        shown += text.End();
        Assert.True(text.IsStopped);
        Assert.Equal(Said[..Said.IndexOf(stop, StringComparison.Ordinal)], shown);
        Assert.Equal(shown, text.Text);
    }

    [Fact]
    public void The_beginning_of_a_stop_text_that_does_not_go_on_is_shown_after_all()
    {
        Tokenizer tokenizer = Tokenizer.Load(Repository.Fixture("tokenizers", "byte-level-digits", "tokenizer.json"));
        GeneratedText text = new(tokenizer, [], ["STOP?", "on.x"], keepsSpecialTokens: false);
        string shown = string.Concat(tokenizer.Encode(Said, addSpecialTokens: false).Select(text.Add));

        Assert.EndsWith("And ", shown, StringComparison.Ordinal);
        Assert.Equal("on.", text.End());
        Assert.Equal(Said, text.Text);
    }
}
