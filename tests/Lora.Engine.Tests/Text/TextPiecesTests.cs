using System.Text.Json;
using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>
/// Pieces of a text against ids that @huggingface/tokenizers 0.2.0 made (tests/tokenizer-oracle/make-pairs.mjs): of the prompt alone, of the
/// completion behind a character that joins nothing, and of the text as a whole; equality is exact.
/// </summary>
public class TextPiecesTests
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web);

    public static TheoryData<string, string> Pairs
    {
        get
        {
            string folder = Repository.Fixture("tokenizers");
            TheoryData<string, string> pairs = new() { { "stories260K", "stories260K.pairs.jsonl" }, { "example-model", "example-model.pairs.jsonl" } };
            foreach (string tokenizer in Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal))
            {
                pairs.Add(tokenizer, Path.Combine(tokenizer, "pairs.jsonl"));
            }

            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void A_prompt_has_the_ids_that_the_model_is_given_and_a_completion_those_that_go_on_after_it(string tokenizer, string goldens)
    {
        Tokenizer own = Load(tokenizer);
        Assert.All(Read(goldens), pair =>
        {
            List<int>[] pieces = own.Encode([pair.Prompt, pair.Completion], int.MaxValue, CancellationToken.None);
            Assert.Equal(pair.Given, pieces[0]);
            Assert.Equal(pair.Learned, pieces[1]);
        });
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void The_text_as_a_whole_has_the_ids_of_the_reference(string tokenizer, string goldens)
    {
        Tokenizer own = Load(tokenizer);
        Assert.All(Read(goldens), pair => Assert.Equal(pair.Joined, own.Encode(pair.Prompt + pair.Completion, addSpecialTokens: false)));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void A_continuation_keeps_the_space_that_it_begins_with(string tokenizer, string goldens)
    {
        Tokenizer own = Load(tokenizer);
        Assert.All(Read(goldens), pair =>
        {
            string whole = own.Decode([.. pair.Given, .. pair.Learned]);
            string before = own.Decode(pair.Given);
            Assert.Equal(whole, before + own.DecodeContinuation(pair.Given, pair.Learned));
        });
    }

    [Fact]
    public void Pieces_say_the_same_as_the_text_in_more_than_two_pieces()
    {
        Tokenizer own = Load("sentencepiece");
        string[] pieces = ["The quick", "", " brown", " fox", " jumps"];
        Assert.Equal(own.Encode(string.Concat(pieces), addSpecialTokens: false), own.Encode(pieces, int.MaxValue, CancellationToken.None).SelectMany(ids => ids));
    }

    internal static IReadOnlyList<Pair> Read(string goldens) =>
        [.. File.ReadLines(Repository.Fixture("tokenizers", goldens)).Select(line => JsonSerializer.Deserialize<Pair>(line, Format)!)];

    internal static Tokenizer Load(string tokenizer) => Tokenizer.Load(tokenizer switch
    {
        "stories260K" => Repository.Shared("models", "stories260K"),
        "example-model" => Path.Combine(Repository.Root, "examples", "model"),
        _ => Repository.Fixture("tokenizers", tokenizer),
    });

    internal sealed record Pair(string Prompt, string Completion, int[] Joined, int[] Given, int[] Learned);
}
