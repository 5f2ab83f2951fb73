using Lora.Data;
using Lora.Models;
using Lora.Text;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>Questions with choices, held to log-likelihoods that are summed here, token by token, from the model's logits in float64.</summary>
public sealed class ChoiceEvaluationTests : IDisposable
{
    private const double Tolerance = 1e-4; // nats, between sums of float32 losses and float64 log-softmax of the same float32 logits

    private static readonly (string Question, string[] Choices, int Answer)[] Questions =
    [
        ("The fox sleeps in", ["a den.", "the wide and salty sea beside the mountains.", "a nest."], 0),
        ("The bear eats", ["fish and honey.", "x", "grass."], 2),
        ("The owl hunts at", ["night.", "noon"], 1),
        ("The frog lives near the pond. Where does it live?\n", ["Near the pond.", "In the desert, far from any water.", "é", "In a tree."], 0),
        ("A question ", ["whose first choice is a long one that has many more words than its others", "b"], 1),
    ];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_model_s_accuracies_are_those_of_sums_of_log_likelihoods_and_of_sums_over_lengths(int batchSize)
    {
        string rows = Write(Questions.Select(question => new { question = question.Question, choices = question.Choices, answer = question.Answer }));

        LoraMeasurement measured = Measure(rows, new() { BatchSize = batchSize });

        double[][] sums = [.. Questions.Select(question => question.Choices.Select(choice => Likelihood(question.Question, choice)).ToArray())];
        int right = 0, normalized = 0;
        foreach ((double[] each, (_, string[] choices, int answer)) in sums.Zip(Questions))
        {
            right += Array.IndexOf(each, each.Max()) == answer ? 1 : 0;
            double[] perLetter = [.. each.Zip(choices, (sum, choice) => sum / choice.EnumerateRunes().Count())];
            normalized += Array.IndexOf(perLetter, perLetter.Max()) == answer ? 1 : 0;
        }

        Assert.NotEqual(right, normalized); // else one could stand for the other
        Assert.Equal((double)right / Questions.Length, measured.ChoiceAccuracy);
        Assert.Equal((double)normalized / Questions.Length, measured.ChoiceAccuracyNormalized);
        Assert.Equal((5L, 0, measured.Loss), (measured.ChoiceCount, measured.ModuleCount, measured.BaseLoss));
        double total = -sums.Zip(Questions, (each, question) => each[question.Answer]).Sum();
        Assert.InRange((measured.Loss * measured.SupervisedToken) - total, -Tolerance * measured.SupervisedToken, Tolerance * measured.SupervisedToken);
        Assert.Equal(Math.Exp(measured.Loss), measured.Perplexity, 10);
    }

    [Theory]
    [InlineData("""{"question":"q","choices":["a","b","c"],"answer":1}""", "a|b|c", 1)]
    [InlineData("""{"question":"q","choices":["a","b","c"],"answer":"C"}""", "a|b|c", 2)]
    [InlineData("""{"question":"q","choices":["a","b","c"],"answer":"b"}""", "a|b|c", 1)]
    [InlineData("""{"question":"q","choices":["2","1","0"],"answer":"0"}""", "2|1|0", 2)]
    [InlineData("""{"question":"q","choices":{"text":["a","b"],"label":["1","2"]},"answerKey":"2"}""", "a|b", 1)]
    [InlineData("""{"prompt":"q","choices":["a","b"],"label":0}""", "a|b", 0)]
    [InlineData("""{"question":"q","choices":"[\"a\",\"b\"]","answer":"1"}""", "a|b", 1, DatasetFormat.Choice)]
    public void A_row_of_a_question_with_choices_is_known_by_its_columns(string json, string choices, int answer, DatasetFormat? said = null)
    {
        DatasetFile file = new(Lines(json)) { Rules = new(new() { DatasetFormat = said }) };
        ChoiceRow row = Assert.IsType<ChoiceRow>(Assert.Single(DatasetReader.Read(file)));

        Assert.Equal(("q", choices, answer), (row.Question, string.Join('|', row.Choices), row.Answer));
        Assert.Equal(DatasetFormat.Choice, file.Format);
        Assert.Empty(file.UnusedColumns);
    }

    [Theory]
    [InlineData("""{"question":"q","choices":["a"],"answer":0}""", "1 choices where two")]
    [InlineData("""{"question":"q","choices":["a",""],"answer":0}""", "an empty choice")]
    [InlineData("""{"question":"q","choices":["a",1],"answer":0}""", "not a string")]
    [InlineData("""{"question":"q","choices":["a","b"],"answer":2}""", "none of its 2 choices")]
    [InlineData("""{"question":"q","choices":["a","b"],"answer":"C"}""", "none of its 2 choices")]
    [InlineData("""{"question":"q","choices":["a","b"]}""", "without an \"answer\"")]
    [InlineData("""{"choices":["a","b"],"answer":0}""", "without a \"question\"")]
    [InlineData("""{"question":"q","choices":{"text":["a","b"],"label":["A"]},"answerKey":"A"}""", "2 texts and 1 labels")]
    public void What_is_wrong_with_such_a_row_is_said(string json, string words) => Assert.Contains(
        words, Assert.Throws<LoraException>(() => DatasetReader.Read(new(Lines(json))).ToList()).Message, StringComparison.Ordinal);

    [Fact]
    public void Such_rows_are_not_learned_from_but_a_training_is_evaluated_on_them()
    {
        string rows = Write(Questions.Select(question => new { question = question.Question, choices = question.Choices, answer = question.Answer }));
        using TrainingSession session = new();

        LoraException refused = Assert.Throws<LoraException>(() => session.Train(ExampleRun.Config, new(rows), ExampleRun.Options, new RecordingObserver(), CancellationToken.None));
        LoraTrainingResult trained = session.Train(
            ExampleRun.Config, new(ExampleRun.DataFile("train"), rows), ExampleRun.Options with { MaxStep = 1 }, new RecordingObserver(), CancellationToken.None);

        Assert.Equal(LoraError.ChoicesNotLearned, refused.Error);
        Assert.Equal(Measure(rows, new()).ChoiceAccuracy, trained.Before!.ChoiceAccuracy);
        Assert.Contains("acc ", trained.After!.Score, StringComparison.Ordinal);
    }

    /// <summary>What the memory plan of an evaluation is made from.</summary>
    [Fact]
    public void The_shapes_of_an_evaluation_are_those_of_its_batches_and_of_questions_with_their_longest_choice()
    {
        string rows = Write([new { question = "The fox sleeps in", choices = new[] { "a den.", "the wide and salty sea." }, answer = 0 }, new { question = "The bear eats", choices = new[] { "fish.", "grass." }, answer = 1 }]);
        using Dataset questions = Dataset.Load([rows], Tokenizer.Load(ExampleRun.Model), new());
        using Dataset texts = Dataset.Load([ExampleRun.DataFile("validation")], Tokenizer.Load(ExampleRun.Model), new());

        StepShape[] shared = [.. EvaluationShapes.Of(questions, 4, sharesBeginnings: true, CancellationToken.None)];
        StepShape[] alone = [.. EvaluationShapes.Of(questions, 4, sharesBeginnings: false, CancellationToken.None)];
        StepShape[] plain = [.. EvaluationShapes.Of(texts, 4, sharesBeginnings: true, CancellationToken.None)];

        Assert.All(questions.Examples.Zip(shared), pair => Assert.Equal(pair.First.Choices!.Each.Max(choice => choice.Ids.Length), pair.Second.Before + pair.Second.Tokens));
        Assert.All(questions.Examples.Zip(shared), pair => Assert.Equal(pair.First.Choices!.Each.Max(choice => choice.TargetCount), pair.Second.Supervised));
        Assert.All(shared, shape => Assert.True(shape.Before > 0));
        Assert.Equal((2, 4), (shared.Length, alone.Length));
        Assert.Equal(questions.Examples.SelectMany(example => example.Choices!.Each).Select(choice => (choice.Ids.Length, choice.TargetCount, 0)), alone.Select(shape => (shape.Lengths[0], shape.Supervised, shape.Before)));
        Assert.Equal(texts.Examples.Chunk(4).Select(batch => (batch.Sum(row => row.Ids.Length), batch.Sum(row => row.TargetCount))), plain.Select(shape => ((int)shape.Tokens, shape.Supervised)));
    }

    [Fact]
    public void A_question_that_is_too_long_with_a_choice_loses_its_beginning_and_no_choice()
    {
        string rows = Write([new { question = string.Concat(Enumerable.Repeat("The fox is red. ", 40)), choices = new[] { "It sleeps in a den.", "It flies." }, answer = 0 }]);
        using Dataset dataset = Dataset.Load([rows], Tokenizer.Load(ExampleRun.Model), new() { MaxLength = 16 });
        TrainingExample example = Assert.Single(dataset.Examples);

        Assert.All(example.Choices!.Each, choice => Assert.Equal((16, choice.Ids[^1]), (choice.Ids.Length, choice.Labels[^1])));
        Assert.Equal([1], dataset.Files[0].TruncatedRows.Select(row => row.Line));
        Assert.EndsWith("It sleeps in a den.", Tokenizer.Load(ExampleRun.Model).Decode(example.Ids), StringComparison.Ordinal);
    }

    [Fact]
    public void With_a_chat_template_the_question_is_a_message_and_the_choice_its_answer()
    {
        string rows = Write([new { question = "Where does the fox sleep?", choices = new[] { "In a den.", "<|end|>" }, answer = 0 }]);
        Tokenizer tokenizer = Tokenizer.Load(ExampleRun.Model);
        using Dataset dataset = Dataset.Load([rows], tokenizer, new() { Data = new() { ChatTemplate = "chatml" } });
        ExampleChoices choices = Assert.Single(dataset.Examples).Choices!;

        string[] texts = [.. choices.Each.Select(choice => tokenizer.Decode(choice.Ids, skipSpecialTokens: false))];
        Assert.Equal("<|im_start|>user\nWhere does the fox sleep?<|im_end|>\n<|im_start|>assistant\nIn a den.", texts[0]);
        Assert.DoesNotContain(tokenizer.IdOf("<|end|>")!.Value, choices.Each[1].Ids); // what a choice spells is characters
    }

    private static LoraMeasurement Measure(string rows, MeasurementOptions options)
    {
        MeasurementSessionTests.MeasurementRecord record = new();
        using MeasurementSession session = new([rows], options);
        session.Measure([], ExampleRun.Model, record, CancellationToken.None);
        return Assert.Single(record.Measured);
    }

    /// <summary>Σ log p of the choice's tokens, from the logits of question and choice as one text.</summary>
    private static double Likelihood(string question, string choice)
    {
        using LoraModel model = LoraModel.Load(ExampleRun.Model);
        using DisposeScope scope = NewDisposeScope();
        string between = char.IsWhiteSpace(question[^1]) ? "" : " ";
        int[] ids = model.Tokenizer.Encode(question + between + choice);
        int given = model.Tokenizer.Encode(question.TrimEnd()).Length;
        Tensor logs = nn.functional.log_softmax(model.Logits(ids).to(ScalarType.Float64), -1); // [tokens, vocabulary]
        return Enumerable.Range(given, ids.Length - given).Sum(place => logs[place - 1, ids[place]].ToDouble());
    }

    private string Write(IEnumerable<object> rows) => Lines([.. rows.Select(row => System.Text.Json.JsonSerializer.Serialize(row))]);

    private string Lines(params string[] rows)
    {
        string path = Path.Combine(folder.Path, $"{Guid.NewGuid()}.jsonl");
        File.WriteAllLines(path, rows);
        return path;
    }
}
