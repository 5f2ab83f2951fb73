using System.Text.Json;
using Lora.Adapters;
using Lora.Export;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Whole runs of all tasks but causal language modelling: what is learned, what is saved, and that adapter and merged model say the same.</summary>
public sealed class TaskTrainingTests : IDisposable
{
    private const string Animals = """
        {"text": "dog", "label": "big"}
        {"text": "elk", "label": "big"}
        {"text": "cow", "label": "big"}
        {"text": "ant", "label": "small"}
        {"text": "bee", "label": "small"}
        {"text": "fly", "label": "small"}
        """;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("families", "bert_mlm", "query,value", new[] { "bert.pooler.dense", "classifier" })]
    [InlineData("families", "bert_seqcls", "query,value", new[] { "classifier" })]
    [InlineData("families", "roberta_mlm", "query,value", new[] { "classifier" })]
    [InlineData("families", "distilbert_mlm", "q_lin,v_lin", new[] { "classifier", "pre_classifier" })]
    [InlineData("fixtures", "llama3", "q_proj,v_proj", new[] { "score" })]
    public void Texts_are_classified_and_the_merged_model_and_the_measured_adapter_do_as_the_trained_one(string place, string family, string targets, string[] whole)
    {
        string model = TaskRun.Model(files, place == "fixtures" ? Repository.Fixture("families", family) : Repository.Shared("families", family));
        LoraConfig config = new() { Model = model, Rank = 4, Alpha = 8, TargetModule = targets.Split(','), TaskType = "SEQ_CLS" };
        RecordingObserver observer = new();

        LoraTrainingResult trained = Train(config, Animals, observer);

        Assert.Equal(1, trained.After!.Accuracy);
        Assert.Equal(1.0, trained.After.MacroF1);
        Assert.True(trained.After.Loss < 0.5 * trained.Before!.Loss, $"{trained.Before.Loss} became {trained.After.Loss}");
        Assert.Contains(observer.Stages, stage => stage.EndsWith("by autograd: there is a fused step for causal language models alone", StringComparison.Ordinal));
        Assert.Equal(family == "bert_seqcls" ? 0 : 1, observer.Warnings.Count(warning => warning.Contains("begins at random", StringComparison.Ordinal)));
        Assert.Equal(whole, trained.Adapter!.Config.ModulesToSave!.Order(StringComparer.Ordinal));
        Assert.Equal(family == "bert_seqcls" ? ["big", "small", "LABEL_2"] : ["big", "small"], trained.Adapter.LabelName);
        AssertSame(trained, config, Animals);
    }

    [Fact]
    public void A_saved_classifier_has_PEFT_s_keys_and_its_labels_beside_them()
    {
        string model = TaskRun.Model(files, Repository.Shared("families", "bert_seqcls"));
        LoraConfig config = new() { Model = model, Rank = 4, Alpha = 8, TargetModule = ["query", "value"], TaskType = "SEQ_CLS" };
        LoraTrainingResult trained = Train(config, Animals, new());

        AdapterFolder.Save(trained.Adapter!, files.File("adapter"));
        LoraAdapter read = AdapterFolder.Load(files.File("adapter"));

        Assert.Contains("base_model.model.classifier.weight", read.Tensors.Select(tensor => tensor.Name));
        Assert.Contains("base_model.model.classifier.bias", read.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(("SEQ_CLS", trained.Adapter!.LabelName.Count), (read.Config.TaskType, read.LabelName.Count));
        using JsonDocument labels = JsonDocument.Parse(File.ReadAllText(Path.Combine(files.File("adapter"), "labels.json")));
        Assert.Equal("small", labels.RootElement.GetProperty("id2label").GetProperty("1").GetString());
        Assert.Equal(0, labels.RootElement.GetProperty("label2id").GetProperty("big").GetInt32());
    }

    [Fact]
    public void A_merged_classifier_of_a_language_model_says_its_class_and_its_labels()
    {
        string model = TaskRun.Model(files, Repository.Shared("families", "bert_mlm"));
        LoraTrainingResult trained = Train(new() { Model = model, Rank = 4, Alpha = 8, TargetModule = ["query", "value"], TaskType = "SEQ_CLS" }, Animals, new());

        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(trained.Adapter!, model, files.File("merged")).Verification.Outcome);

        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(files.File("merged"), "config.json")));
        Assert.Equal("BertForSequenceClassification", config.RootElement.GetProperty("architectures")[0].GetString());
        Assert.Equal("big", config.RootElement.GetProperty("id2label").GetProperty("0").GetString());
        Assert.Equal("single_label_classification", config.RootElement.GetProperty("problem_type").GetString());
    }

    [Fact]
    public void Labels_in_a_list_are_each_there_or_not()
    {
        const string Rows = """
            {"text": "dog", "labels": ["fur", "legs"]}
            {"text": "cat", "labels": ["fur", "legs"]}
            {"text": "ant", "labels": ["legs"]}
            {"text": "eel", "labels": []}
            """;
        LoraConfig config = Bert("SEQ_CLS");

        LoraTrainingResult trained = Train(config, Rows, new());

        Assert.Equal(["fur", "legs"], trained.Adapter!.LabelName);
        Assert.Equal((1, 1.0), (trained.After!.Accuracy, trained.After.MacroF1));
        AssertSame(trained, config, Rows);
    }

    [Fact]
    public void Numbers_with_a_fraction_make_a_regression()
    {
        const string Rows = """
            {"text": "dog", "label": 1.5}
            {"text": "elk", "label": 2.0}
            {"text": "ant", "label": -1.0}
            {"text": "bee", "label": -0.5}
            """;
        LoraConfig config = Bert("SEQ_CLS");

        LoraTrainingResult trained = Train(config, Rows, new());

        Assert.Equal(trained.After!.Loss, trained.After.MeanSquaredError);
        Assert.InRange(trained.After.Pearson!.Value, 0.9, 1);
        Assert.True(double.IsNaN(trained.After.Accuracy));
        Assert.Null(trained.After.MacroF1);
        AssertSame(trained, config, Rows);
    }

    [Fact]
    public void Words_are_tagged()
    {
        const string Rows = """
            {"tokens": ["the", "dog", "runs"], "tags": ["O", "ANIMAL", "O"]}
            {"tokens": ["an", "elk", "stands"], "tags": ["O", "ANIMAL", "O"]}
            {"tokens": ["red", "ant"], "tags": ["O", "ANIMAL"]}
            """;
        LoraConfig config = Bert("TOKEN_CLS");

        LoraTrainingResult trained = Train(config, Rows, new());

        Assert.Equal(["ANIMAL", "O"], trained.Adapter!.LabelName);
        Assert.Equal(8, trained.After!.SupervisedToken);
        Assert.Equal(1, trained.After.Accuracy);
        AssertSame(trained, config, Rows);
    }

    [Theory]
    [InlineData("bert_mlm", "query,value")]
    [InlineData("roberta_mlm", "query,value")]
    [InlineData("distilbert_mlm", "q_lin,v_lin,lin1,lin2")]
    public void Hidden_tokens_are_learned_by_a_model_whose_class_is_for_them(string family, string targets)
    {
        const string Rows = """
            {"text": "abc abc abc abc"}
            {"text": "abc abc abc"}
            {"text": "abc abc"}
            """;
        LoraConfig config = new() { Model = TaskRun.Model(files, Repository.Shared("families", family)), Rank = 8, Alpha = 16, TargetModule = targets.Split(',') };

        LoraTrainingResult trained = Train(config, Rows, new());
        LoraTrainingResult again = Train(config, Rows, new());

        Assert.True(trained.After!.Loss < 0.7 * trained.Before!.Loss, $"{trained.Before.Loss} became {trained.After.Loss}");
        Assert.Null(trained.Adapter!.Config.TaskType);
        Assert.Equal(ExampleRun.Values(trained.Adapter), ExampleRun.Values(again.Adapter!));
        AssertSame(trained, config, Rows);
    }

    [Fact]
    public void T5_learns_completions_of_prompts_and_says_them()
    {
        const string Rows = """
            {"prompt": "dog", "completion": "barks"}
            {"prompt": "cat", "completion": "mews"}
            """;
        LoraConfig config = new() { Model = TaskRun.Model(files, Repository.Shared("families", "t5")), Rank = 8, Alpha = 32, TargetPattern = "all-linear" };
        string data = files.Write("rows.jsonl", Rows);
        using TrainingSession session = new();

        // At four times this rate the loss wanders about its floor, and the words differ from one processor to the next; so its floor is reached in 40 steps.
        TrainingOptions options = TaskRun.Options with { MaxStep = 60, LearningRate = 5e-3, Prompt = ["dog", "cat"], PromptToken = 8 };
        LoraTrainingResult trained = session.Train(config, new(data, data), options, new RecordingObserver());

        Assert.Equal("SEQ_2_SEQ_LM", trained.Adapter!.Config.TaskType);
        Assert.True(trained.After!.Loss < 0.5 * trained.Before!.Loss, $"{trained.Before.Loss} became {trained.After.Loss}");
        Assert.Equal(["barks", "mews"], trained.Sample.Select(sample => sample.Adapted.Replace(" ", "", StringComparison.Ordinal)));
        AssertSame(trained, config, Rows);
    }

    [Fact]
    public void A_run_that_is_stopped_and_gone_on_with_has_the_bits_of_one_that_was_not()
    {
        const string Rows = """
            {"text": "abc abd abe"}
            {"text": "bcd bce"}
            {"text": "cde"}
            """;
        LoraConfig config = Bert(null);
        TrainingData data = new(files.Write("rows.jsonl", Rows));
        using CancellationTokenSource stop = new();
        using TrainingSession session = new();
        TrainingOptions options = TaskRun.Options with { MaxStep = 6, BatchSize = 2, OutputPath = files.File("run"), SaveStep = 1 };

        session.Train(config, data, options, new RecordingObserver(step => (step.Step == 3 ? stop : new CancellationTokenSource()).Cancel()), stop.Token);
        LoraTrainingResult resumed = session.Train(config, data, options with { Resume = true }, new RecordingObserver());
        LoraTrainingResult whole = session.Train(config, data, options with { OutputPath = null, SaveStep = null }, new RecordingObserver());

        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(resumed.Adapter!));
    }

    [Theory]
    [InlineData("QUESTION_ANS")]
    [InlineData("SEQ_2_SEQ_LM")]
    public void A_task_that_the_model_is_not_for_is_refused_by_name(string task)
    {
        LoraException failure = Assert.Throws<LoraException>(() => Train(Bert(task), Animals, new()));

        Assert.Equal(LoraError.TaskUnsupported, failure.Error);
        Assert.Contains("SEQ_CLS, TOKEN_CLS", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("QUESTION_ANS")]
    [InlineData("SEQ_2_SEQ_LM")]
    public void A_task_that_no_decoder_is_for_is_refused_by_name(string task)
    {
        LoraConfig config = new() { Model = TaskRun.Model(files, Repository.Fixture("families", "llama3")), TargetModule = ["q_proj"], TaskType = task };

        LoraException failure = Assert.Throws<LoraException>(() => Train(config, Animals, new()));

        Assert.Equal(LoraError.TaskUnsupported, failure.Error);
        Assert.Contains($"the task type {task} but with CAUSAL_LM, SEQ_CLS, TOKEN_CLS", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SEQ_CLS", """{"text": "dog", "label": "big"}""")]
    [InlineData("TOKEN_CLS", """{"tokens": ["dog", "elk"], "tags": ["big", "big"]}""")]
    public void Rows_that_all_have_one_label_are_refused(string task, string row)
    {
        LoraException failure = Assert.Throws<LoraException>(() => Train(Bert(task), row + "\n" + row, new()));

        Assert.Equal(LoraError.LabelAlone, failure.Error);
        Assert.Contains("the one label \"big\"", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_that_the_adapter_gone_on_with_does_not_know_is_an_error_with_its_line()
    {
        LoraConfig config = Bert("SEQ_CLS");
        LoraTrainingResult trained = Train(config, Animals, new());
        string other = files.Write("other.jsonl", """{"text": "eel", "label": "long"}""");
        using TrainingSession session = new();

        LoraException failure = Assert.Throws<LoraException>(() => session.Train(config, new(other), TaskRun.Options with { Adapter = trained.Adapter }, new RecordingObserver()));

        Assert.Contains("its label \"long\" is none of \"big\", \"small\"", failure.Message, StringComparison.Ordinal);
    }

    private LoraConfig Bert(string? task) => new() { Model = TaskRun.Model(files, Repository.Shared("families", "bert_mlm")), Rank = 4, Alpha = 8, TargetModule = ["query", "value"], TaskType = task };

    private LoraTrainingResult Train(LoraConfig config, string rows, RecordingObserver observer)
    {
        string data = files.Write("rows.jsonl", rows);
        using TrainingSession session = new();
        return session.Train(config, new(data, data), TaskRun.Options, observer);
    }

    /// <summary>What the trained adapter came to, its folder measured and the merged model come to as well, within 1e-5.</summary>
    private void AssertSame(LoraTrainingResult trained, LoraConfig config, string rows)
    {
        AdapterFolder.Save(trained.Adapter!, files.File("saved"));
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(trained.Adapter!, config.Model!, files.File("merged")).Verification.Outcome);
        string data = files.Write("rows.jsonl", rows);
        MeasurementSessionTests.MeasurementRecord measured = new();
        using MeasurementSession measurement = new([data], new());
        measurement.Measure([AdapterFolder.Load(files.File("saved"))], config.Model, measured, CancellationToken.None);
        using TrainingSession session = new();
        LoraTrainingResult merged = session.Train(config with { Model = files.File("merged") }, new(data, data), TaskRun.Options with { MaxStep = 1 }, new RecordingObserver());

        Assert.Equal(trained.After!.Loss, Assert.Single(measured.Measured).Loss, 1e-5);
        Assert.Equal(trained.After.MacroF1, measured.Measured[0].MacroF1);
        Assert.Equal(trained.After.Loss, merged.Before!.Loss, 1e-5);
    }
}
