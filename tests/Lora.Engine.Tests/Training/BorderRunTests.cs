using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>
/// A prompt and its completion on a model whose tokenizer puts a space before each text. The right values are those of the text as a whole:
/// 25 tokens, 15 of them after the prompt, and the model's own loss on them (TRL and transformers encode the whole text).
/// </summary>
public sealed class BorderRunTests : IDisposable
{
    private const string Prompt = "One day, a little girl named";
    private const string Completion = " Lily found a needle in her room.";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_completion_is_learned_as_the_model_says_it()
    {
        LoraTrainingResult result = Train($$"""{"prompt":"{{Prompt}}","completion":"{{Completion}}"}""");
        Assert.Equal(15, result.Before!.SupervisedToken);
        Assert.Equal(2.6197, result.Before.Loss, 5e-5);
        Assert.Equal(25, Assert.Single(result.History).Token);
    }

    [Fact]
    public void The_text_as_a_whole_has_as_many_tokens() =>
        Assert.Equal(25, Assert.Single(Train($$"""{"text":"{{Prompt}}{{Completion}}"}""").History).Token);

    [Fact]
    public void A_sample_keeps_the_space_between_the_prompt_and_what_goes_on()
    {
        LoraTrainingResult result = Train("""{"text":"One day"}""", new() { Prompt = ["One day, a"], PromptToken = 4 });
        Assert.StartsWith(" little girl", Assert.Single(result.Sample).Base, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_s_model_goes_on_with_the_same_space()
    {
        using LoraModel model = LoraModel.Load(Repository.Shared("models", "stories260K"), device: "cpu");
        Assert.StartsWith(" little girl", model.Continue("One day, a", 4, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_with_a_token_that_the_model_lacks_is_refused_before_training()
    {
        foreach (string file in Directory.GetFiles(Repository.Shared("models", "stories260K")))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }

        string tokenizer = File.ReadAllText(folder.File("tokenizer.json"));
        folder.Write("tokenizer.json", tokenizer.Replace("\"added_tokens\":", "\"added_tokens\":[{\"id\":600,\"content\":\"<extra>\"}],\"replaced\":", StringComparison.Ordinal));
        LoraException failure = Assert.Throws<LoraException>(() => Train("""{"text":"One day"}""", new() { Prompt = ["<extra>"] }, folder.Path));
        Assert.Equal(LoraError.TokenOutOfRange, failure.Error);
    }

    private LoraTrainingResult Train(string row, TrainingOptions? options = null, string? model = null)
    {
        string file = folder.Write("rows.jsonl", row);
        LoraConfig config = new() { Model = model ?? Repository.Shared("models", "stories260K"), Rank = 1, TargetModule = ["q_proj"] };
        using TrainingSession session = new();
        return session.Train(
            config, new(file, file), (options ?? new()) with { MaxStep = 1, LearningRate = 0 }, new RecordingObserver(), TestContext.Current.CancellationToken);
    }
}
