using Lora.Text;

namespace Lora.Tests.Text;

public class WordPieceModelTests
{
    private static readonly Dictionary<string, int> Tokens = new() { ["[UNK]"] = 0, ["un"] = 1, ["##aff"] = 2, ["##able"] = 3, ["##a"] = 4, ["a"] = 5, ["##👍"] = 6 };

    [Theory]
    [InlineData("unaffable", new[] { 1, 2, 3 })]
    [InlineData("unaa", new[] { 1, 4, 4 })]
    [InlineData("a👍", new[] { 5, 6 })]
    [InlineData("unx", new[] { 0 })]
    [InlineData("##a", new[] { 4 })]
    public void A_word_is_the_longest_tokens_from_its_beginning_or_unknown_as_a_whole(string word, int[] expected)
    {
        List<int> ids = [9];
        List<TextSpan> spans = [default];
        new WordPieceModel(Tokens, unknown: 0).Encode(word, ids, int.MaxValue, spans);
        Assert.Equal(expected, ids[1..]);
        Assert.Equal(word, string.Concat(spans[1..].Select(span => word[span.Start..span.End])));
    }

    [Theory]
    [InlineData(5, new[] { 5, 6, 6, 6, 6 })]
    [InlineData(6, new[] { 0 })]
    public void A_word_of_more_code_points_than_allowed_is_unknown(int count, int[] expected)
    {
        List<int> ids = [];
        new WordPieceModel(Tokens, unknown: 0, longestWord: 5).Encode("a" + string.Concat(Enumerable.Repeat("👍", count - 1)), ids, int.MaxValue, null);
        Assert.Equal(expected, ids);
    }
}
