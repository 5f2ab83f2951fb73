using Lora.Text;

namespace Lora.Tests.Text;

public class UnigramModelTests
{
    private static readonly (string, double)[] Tokens =
        [("<unk>", 0), ("a", 0), ("b", 0), ("c", 0), ("d", 0), ("cd", 1), ("ab", 2), ("abc", 5), ("abcd", 10), ("👍", -1)];

    [Theory]
    [InlineData("abcd", new[] { 8 })]
    [InlineData("abcacdxx", new[] { 7, 1, 5, 0 })]
    [InlineData("x👍y", new[] { 0, 9, 0 })]
    [InlineData("<unk>", new[] { 0 })]
    public void The_way_with_the_highest_sum_is_taken_and_unknown_characters_in_a_row_are_one(string word, int[] expected)
    {
        List<int> ids = [];
        List<TextSpan> spans = [];
        new UnigramModel(Tokens, unknown: 0, byteFallback: false, "tokenizer.json").Encode(word, ids, int.MaxValue, spans);
        Assert.Equal(expected, ids);
        Assert.Equal(word, string.Concat(spans.Select(span => word[span.Start..span.End])));
    }

    [Fact]
    public void Of_equal_sums_the_one_found_first_stays()
    {
        List<int> ids = [];
        new UnigramModel([("<unk>", -9), ("a", -1), ("aa", -2)], unknown: 0, byteFallback: false, "tokenizer.json").Encode("aa", ids, int.MaxValue, null);
        Assert.Equal([2], ids);
    }

    [Fact]
    public void A_character_without_a_token_is_an_error_where_there_is_no_unknown_token()
    {
        UnigramModel model = new([("a", -1)], unknown: null, byteFallback: false, "tokenizer.json");
        LoraException failure = Assert.Throws<LoraException>(() => model.Encode("ab", [], int.MaxValue, null));
        Assert.Equal(LoraError.TokenizerInvalid, failure.Error);
        Assert.Contains("'ab'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hundred_thousand_tokens_are_found_again()
    {
        PieceTrie trie = new();
        string[] tokens = [.. Enumerable.Range(0, 100_000).Select(number => Convert.ToString(number, 8))];
        for (int id = 0; id < tokens.Length; id++)
        {
            trie.Add(tokens[id], id);
        }

        Assert.All(Enumerable.Range(0, tokens.Length), id => Assert.Equal(id, trie.Find(tokens[id])));
        Assert.Equal(PieceTrie.Absent, trie.Find("9"));
    }
}
