using Lora.Text;

namespace Lora.Tests.Text;

public sealed class BytePairTrainerTests : IDisposable
{
    private static readonly BytePairTraining Training = new() { VocabularySize = 300, OtherTokens = ["<|user|>"] };

    private readonly TemporaryFolder folder = new();

    private static IEnumerable<string> Texts => TokenizerGolden.Read("byte-level-digits").Select(golden => golden.Text);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_most_frequent_pair_is_merged_first_and_ties_go_to_the_lower_bytes()
    {
        BytePairTrainer.Train(["abab abab cd cd"], Training with { VocabularySize = 262 }, folder.Path);
        Tokenizer tokenizer = Tokenizer.Load(folder.Path);

        // "ab" occurs four times; then "abab", "cd" and " c" twice each, of which the space is the lowest left token; then "ab" is.
        Assert.Equal(259, tokenizer.IdOf("ab"));
        Assert.Equal(260, tokenizer.IdOf("Ġc"));
        Assert.Equal(261, tokenizer.IdOf("abab"));
    }

    [Fact]
    public void The_files_load_with_their_special_tokens_and_size()
    {
        BytePairTrainer.Train(Texts, Training, folder.Path);
        Tokenizer tokenizer = Tokenizer.Load(folder.Path);

        Assert.Equal(300, tokenizer.VocabularySize);
        Assert.Equal(0, tokenizer.BeginOfSequenceId);
        Assert.Equal(1, tokenizer.EndOfSequenceId);
        Assert.Equal(2, tokenizer.IdOf("<|user|>"));
        Assert.Equal(0, tokenizer.Encode("the")[0]);
    }

    [Fact]
    public void Any_text_comes_back_unchanged()
    {
        BytePairTrainer.Train(["a small text"], Training, folder.Path);
        Tokenizer tokenizer = Tokenizer.Load(folder.Path);
        Assert.All(Texts, text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text))));
    }

    [Fact]
    public void The_same_texts_give_the_same_file()
    {
        BytePairTrainer.Train(Texts, Training, Path.Combine(folder.Path, "first"));
        BytePairTrainer.Train(Texts, Training, Path.Combine(folder.Path, "second"));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(folder.Path, "first", "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(folder.Path, "second", "tokenizer.json")));
    }

    [Fact]
    public void The_reference_reads_the_file_and_gives_the_same_ids()
    {
        BytePairTrainer.Train(Texts, Training, folder.Path);
        TokenizerOracleTests.AssertEqualsReference(folder.Path);
    }

    [Fact]
    public void A_size_without_room_for_the_bytes_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => BytePairTrainer.Train([], Training with { VocabularySize = 258 }, folder.Path));
}
