using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Generation;

public sealed class LoraGeneratorTests : IDisposable
{
    private static readonly string Example = Path.Combine(Repository.Root, "examples", "model");
    private static readonly GeneratorOptions OnCpu = new() { Device = "cpu" };
    private static readonly GenerationOptions Short = new() { MaxToken = 24 };

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_likeliest_continuation_is_that_of_the_model_without_a_cache()
    {
        using LoraModel model = LoraModel.Load(Example, device: "cpu");
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);

        LoraGeneration generation = Assert.Single(generator.Generate([LoraPrompt.Of("Once upon a")], Short));

        Assert.Equal(model.Continue("Once upon a", 24), generation.Text);
        Assert.Equal(GenerationStop.MaxToken, generation.StopReason);
        Assert.Equal(24, generation.Id.Count);
        Assert.Equal(model.Tokenizer.Encode("Once upon a").Length, generation.PromptToken);
        Assert.True(generation.TokenPerSecond > 0 && generation.PromptTokenPerSecond > 0);
    }

    [Fact]
    public void Prompts_of_unequal_lengths_are_continued_together_as_each_alone_also_by_chance()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        LoraPrompt[] prompts = [LoraPrompt.Of("The fox"), LoraPrompt.Of("Once upon a time there was a bear who lived in"), LoraPrompt.Of("A"), LoraPrompt.Of("The fox")];
        GenerationOptions[] ways = [Short, Short with { Temperature = 1.2, TopK = 40, Seed = 9 }, Short with { BatchSize = 3 }];

        Assert.All(ways, options =>
        {
            LoraGeneration[] together = [.. generator.Generate(prompts, options)];
            Assert.All(prompts.Zip(together), pair => Assert.Equal(generator.Generate([pair.First], options)[0].Id, pair.Second.Id));
            Assert.Equal(prompts.Select(prompt => prompt.ToString()), together.Select(generation => generation.Prompt));
            Assert.Equal(together[0].Text, together[3].Text);
        });
    }

    [Fact]
    public void One_seed_gives_one_text_and_another_another()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        Assert.Equal(Text(1), Text(1));
        Assert.NotEqual(Text(1), Text(2));

        string Text(int seed) => generator.Generate([LoraPrompt.Of("The fox")], Short with { Temperature = 1, Seed = seed })[0].Text;
    }

    [Fact]
    public void Each_token_is_told_as_it_is_said_with_the_text_that_it_adds()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        List<LoraGenerationToken> told = [];
        LoraGeneration[] said = [.. generator.Generate([LoraPrompt.Of("The fox"), LoraPrompt.Of("Once upon a")], Short, onToken: told.Add)];

        Assert.All(said, (generation, prompt) =>
        {
            LoraGenerationToken[] own = [.. told.Where(token => token.Prompt == prompt)];
            Assert.Equal(generation.Text, string.Concat(own.Select(token => token.Text)));
            Assert.Equal(generation.Id, own.Select(token => token.Id));
        });
    }

    [Fact]
    public void A_stop_text_ends_the_continuation_before_it()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        string whole = generator.Generate([LoraPrompt.Of("Once upon a")], Short)[0].Text;
        string stop = whole[9..14];
        LoraGeneration stopped = generator.Generate([LoraPrompt.Of("Once upon a")], Short with { Stop = [stop] })[0];

        Assert.Equal(GenerationStop.StopText, stopped.StopReason);
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
        Assert.InRange(stopped.Id.Count, 1, 23);
    }

    [Fact]
    public void The_text_ends_with_the_model_s_end_token_and_where_the_model_ends()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        LoraGeneration ended = generator.Generate([LoraPrompt.Of("Once upon a time")], new() { MaxToken = 600 })[0];
        Assert.Equal(GenerationStop.EndToken, ended.StopReason);
        Assert.DoesNotContain(1, ended.Id);

        // A model of 512 places that is never let say its end: 512 are given to it, and what it expects after them is the last.
        string copy = Copied("""{"eos_token_id": 2}""");
        using LoraGenerator endless = LoraGenerator.Load(copy, options: OnCpu);
        LoraGeneration full = endless.Generate([LoraPrompt.Of("Once upon a time")], new() { MaxToken = 600 })[0];
        Assert.Equal(GenerationStop.ContextLength, full.StopReason);
        Assert.Equal(513, full.Id.Count + full.PromptToken);
    }

    [Fact]
    public void All_end_tokens_of_generation_config_json_count()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        int third = generator.Generate([LoraPrompt.Of("Once upon a")], Short)[0].Id[2];
        using LoraGenerator ending = LoraGenerator.Load(Copied($"{{\"eos_token_id\": [1, {third}]}}"), options: OnCpu);

        LoraGeneration generation = ending.Generate([LoraPrompt.Of("Once upon a")], Short)[0];
        Assert.Equal(GenerationStop.EndToken, generation.StopReason);
        Assert.Equal(2, generation.Id.Count);
    }

    [Fact]
    public void A_conversation_is_written_by_the_template_and_answered()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu with { ChatTemplate = "alpaca" });
        ChatMessage question = new("user", "Where does the fox sleep?");
        LoraGeneration answer = generator.Generate([LoraPrompt.Of([question])], Short)[0];

        string written = ChatTemplate.Load(Example, "alpaca").Render([question], addGenerationPrompt: true).Text;
        Assert.Equal(generator.Tokenizer.Encode(written, addSpecialTokens: false).Length, answer.PromptToken);
    }

    [Theory]
    [InlineData(LoraQuantization.None)]
    [InlineData(LoraQuantization.NF4)]
    public void Of_a_conversation_s_next_turn_only_what_is_new_is_computed_and_the_answer_is_the_same(LoraQuantization quantization)
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu with { ChatTemplate = "alpaca", Quantization = quantization });
        GenerationOptions kept = Short with { KeepText = true };
        ChatMessage[] turns = [new("user", "Where does the fox sleep?")];
        LoraGeneration first = generator.Generate([LoraPrompt.Of(turns)], kept)[0];
        Assert.Equal(0, first.KnownToken);

        turns = [.. turns, new("assistant", first.Text), new("user", "And the bear?")];
        LoraGeneration second = generator.Generate([LoraPrompt.Of(turns)], kept)[0], whole = generator.Generate([LoraPrompt.Of(turns)], Short)[0];
        Assert.Equal(whole.Text, second.Text);
        Assert.Equal(whole.PromptToken, second.PromptToken);
        Assert.InRange(second.KnownToken, first.PromptToken, first.PromptToken + first.Id.Count);

        // The same again, and the first turn anew: all but the last token is there.
        LoraGeneration again = generator.Generate([LoraPrompt.Of(turns)], kept)[0], back = generator.Generate([LoraPrompt.Of(turns[..1])], kept)[0];
        Assert.Equal((whole.Text, whole.PromptToken - 1), (again.Text, again.KnownToken));
        Assert.Equal((first.Text, first.PromptToken - 1), (back.Text, back.KnownToken));
        Assert.Equal(0, generator.Generate([LoraPrompt.Of("The fox")], kept)[0].KnownToken);
    }

    [Theory]
    [InlineData(TrainingDataType.Float32, LoraQuantization.NF4)]
    [InlineData(TrainingDataType.BFloat16, LoraQuantization.NF4)]
    [InlineData(TrainingDataType.BFloat16, LoraQuantization.None)]
    public void Bases_in_fewer_bits_say_the_same_alone_and_together(TrainingDataType type, LoraQuantization quantization)
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu with { DataType = type, Quantization = quantization });
        LoraPrompt[] prompts = [LoraPrompt.Of("The fox"), LoraPrompt.Of("Once upon a time there was a bear who lived in")];
        LoraGeneration[] together = [.. generator.Generate(prompts, Short)];
        Assert.All(prompts.Zip(together), pair => Assert.Equal(generator.Generate([pair.First], Short)[0].Text, pair.Second.Text));
    }

    [Fact]
    public void Everything_that_is_wrong_with_the_prompts_is_said_at_once()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        LoraException failure = Assert.Throws<LoraException>(() => generator.Generate(
            [LoraPrompt.Of("The fox"), LoraPrompt.Of(string.Join(' ', Enumerable.Repeat("fox", 600))), LoraPrompt.Of([new ChatMessage("user", "x")]), LoraPrompt.Of([new ChatMessage("user", "y")])], new() { MaxToken = 0 }));

        Assert.Equal([LoraError.ConfigValueInvalid, LoraError.ConfigValueInvalid, LoraError.ChatTemplateMissing], failure.Problems.Select(problem => problem.Error));
        Assert.StartsWith("The length of the prompt 'fox fox fox", failure.Problems[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_says_nothing_is_refused_by_name()
    {
        string config = Directory.CreateDirectory(files.File("bert")).FullName;
        File.WriteAllText(Path.Combine(config, "config.json"), """{"model_type":"bert","architectures":["BertForMaskedLM"],"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":16,"vocab_size":20}""");
        Assert.Equal(LoraError.GenerationUnsupported, Assert.Throws<LoraException>(() => LoraGenerator.Load(config, options: OnCpu)).Error);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1.0)]
    public void Scores_that_are_no_numbers_are_an_error_and_no_text(double? temperature)
    {
        string weights = Path.Combine(Copied("{}"), "model.safetensors");
        SafetensorsWriter.Write(weights, [.. SafetensorsFile.ReadAll(weights).Select(tensor => tensor.Name == "model.norm.weight" ? AdapterTensors.Copy(tensor.Name, Arithmetic.Full([.. tensor.Shape], double.NaN, ScalarType.Float32, CPU)) : tensor)]);
        using LoraGenerator generator = LoraGenerator.Load(Path.GetDirectoryName(weights)!, options: OnCpu);

        LoraException failure = Assert.Throws<LoraException>(() => generator.Generate([LoraPrompt.Of("The fox")], Short with { Temperature = temperature }));

        Assert.Equal(LoraError.LogitsNotFinite, failure.Error);
        Assert.Contains("'The fox'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_cancelled_between_two_tokens()
    {
        using LoraGenerator generator = LoraGenerator.Load(Example, options: OnCpu);
        using CancellationTokenSource source = new();
        List<LoraGenerationToken> told = [];
        Assert.Throws<OperationCanceledException>(() => generator.Generate([LoraPrompt.Of("The fox")], Short, onToken: Tell, cancellation: source.Token));
        Assert.Equal(3, told.Count);

        void Tell(LoraGenerationToken token)
        {
            told.Add(token);
            if (told.Count == 3)
            {
                source.Cancel();
            }
        }
    }

    /// <summary>The example model with a generation_config.json, and without the end token that its tokenizer names.</summary>
    private string Copied(string generationConfig)
    {
        string copy = Directory.CreateDirectory(files.File("copy")).FullName;
        foreach (string name in new[] { "config.json", "model.safetensors", "tokenizer.json" })
        {
            File.Copy(Path.Combine(Example, name), Path.Combine(copy, name));
        }

        File.WriteAllText(Path.Combine(copy, "tokenizer_config.json"), """{"bos_token": "<|begin|>"}""");
        File.WriteAllText(Path.Combine(copy, "generation_config.json"), generationConfig);
        return copy;
    }
}
