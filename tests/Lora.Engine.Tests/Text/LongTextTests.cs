using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>Texts of which only the first ids are wanted: these are those of the whole text, though its rest is not looked at.</summary>
public class LongTextTests
{
    private const int Length = 70_000;

    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string folder in Directory.GetDirectories(Repository.Fixture("tokenizers")).Order(StringComparer.Ordinal))
            {
                foreach (string text in (string[])["run", "repeated", "letters", "other letters", "symbols", "words"])
                {
                    cases.Add(Path.GetFileName(folder), text);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_first_ids_equal_those_of_the_whole_text(string tokenizer, string kind)
    {
        Tokenizer own = Tokenizer.Load(Repository.Fixture("tokenizers", tokenizer));
        string text = Text(kind);
        int[] whole = own.Encode(text, addSpecialTokens: false);
        foreach (int wanted in (int[])[1, 50, 1000])
        {
            List<int> first = own.Encode([text], wanted, TestContext.Current.CancellationToken)[0];
            int expected = Math.Min(wanted, whole.Length);
            Assert.InRange(first.Count, expected, whole.Length);
            Assert.Equal(whole[..first.Count], first);
        }
    }

    [Fact]
    public void Nothing_more_is_encoded_once_the_wanted_ids_are_there()
    {
        Tokenizer own = Tokenizer.Load(Repository.Fixture("tokenizers", "byte-level-digits"));
        Assert.Equal([5, 0], own.Encode(["The quick brown fox", " jumps"], 5, TestContext.Current.CancellationToken).Select(ids => Math.Min(ids.Count, 5)));
    }

    private static string Text(string kind) => kind switch
    {
        "run" => new string('e', Length),
        "repeated" => string.Concat(Enumerable.Repeat("the", Length / 3)),
        "letters" => Letters(seed: 1),
        "other letters" => Letters(seed: 2),
        "symbols" => string.Concat(Enumerable.Repeat("👍語é", Length / 4)),
        _ => string.Concat(Enumerable.Repeat("The quick brown fox. ", Length / 21)),
    };

    private static string Letters(int seed)
    {
        Random random = new(seed);
        return string.Concat(Enumerable.Range(0, Length).Select(_ => "etaoinshrdlu"[random.Next(12)]));
    }
}
