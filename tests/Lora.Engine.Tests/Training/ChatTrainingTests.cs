using Lora.Adapters;
using Lora.Data;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Runs that learn from conversations.</summary>
public sealed class ChatTrainingTests : IDisposable
{
    private const string Dated = "{% for m in messages %}{{ strftime_now('%d') }}: {{ m.content }}\n{% endfor %}";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_model_without_a_template_refuses_conversations_by_the_name_of_the_parameter()
    {
        LoraException failure = Assert.Throws<LoraException>(() => Train(ExampleRun.Options));
        Assert.Equal(LoraError.ChatTemplateMissing, failure.Error);
        Assert.Contains("-ChatTemplate", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_template_goes_with_the_adapter_and_is_used_where_the_adapter_is_gone_on_with_or_measured()
    {
        string path = folder.File("adapter");
        LoraTrainingResult result = Train(With("alpaca") with { OutputPath = path, Prompt = ["Q"], PromptToken = 2 });
        string template = Lora.Text.KnownTemplates.Text("alpaca");
        Assert.Equal(template, result.Adapter!.ChatTemplate);
        Assert.Equal(template, File.ReadAllText(Path.Combine(path, "chat_template.jinja")));
        Assert.Equal(template, AdapterFolder.Load(path).ChatTemplate);
        Assert.Equal(template, AdapterInspector.Read(path).ChatTemplate);
        Assert.Equal(template, Train(ExampleRun.Options with { AdapterPath = path }).Adapter!.ChatTemplate);

        using MeasurementSession session = new([Chat()], new() { MaxLength = 256 });
        MeasurementSessionTests.MeasurementRecord record = new();
        session.Measure([AdapterFolder.Load(path)], ExampleRun.Model, record, CancellationToken.None);
        Assert.Single(record.Measured);
    }

    [Fact]
    public void An_adapter_of_texts_has_no_template_and_takes_away_that_of_the_one_it_replaces()
    {
        string path = folder.File("adapter");
        Train(With("alpaca") with { OutputPath = path });
        LoraTrainingResult texts = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { OutputPath = path, Overwrite = true });
        Assert.Null(texts.Adapter!.ChatTemplate);
        Assert.False(File.Exists(Path.Combine(path, "chat_template.jinja")));
    }

    [Fact]
    public void A_run_that_goes_on_on_another_day_writes_the_date_of_the_first()
    {
        TrainingOptions options = With(folder.Write("dated.jinja", Dated)) with { MaxStep = 4, SaveStep = 1 };
        LoraTrainingResult whole = Train(options with { OutputPath = folder.File("whole") }, day: 1);
        LoraTrainingResult other = Train(options with { OutputPath = folder.File("other") }, day: 2);
        Assert.NotEqual(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(other.Adapter!));

        using CancellationTokenSource stop = new();
        options = options with { OutputPath = folder.File("parts"), Resume = true };
        Train(options, day: 1, new RecordingObserver(step => { if (step.Step == 2) { stop.Cancel(); } }), stop.Token);
        RecordingObserver observer = new();
        LoraTrainingResult resumed = Train(options, day: 2, observer);
        Assert.Equal([3, 4], resumed.History.Select(step => step.Step));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(resumed.Adapter!));
        Assert.Contains(observer.Warnings, warning => warning.Contains("2026-11-01", StringComparison.Ordinal));
    }

    [Fact]
    public void The_result_says_what_befell_the_rows_of_each_file()
    {
        string bad = folder.Write("bad.jsonl", """
            {"messages":[{"role":"user","content":"Say <|end|>"},{"role":"assistant","content":"No."},{"role":"user","content":"Q"},{"role":"assistant","content":""}]}
            {"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"A","reasoning_content":"R"}]}
            {"messages":[{"role":"user","content":"Q"}]}

            """);
        using TrainingSession session = new();
        LoraTrainingResult result = session.Train(ExampleRun.Config, new([Chat(), bad], []), With("chatml"), new RecordingObserver(), CancellationToken.None);
        Assert.Equal(["chat.jsonl", "bad.jsonl"], result.Data.Select(file => Path.GetFileName(file.Path)));
        LoraDataReport report = result.Data[1];
        Assert.Equal(DatasetFormat.Chat, report.Format);
        Assert.Equal("1 | 1 | 2 |  | 3", string.Join(" | ", new[] { report.EmptyTurn, report.SpelledToken, report.UnwrittenReasoning, report.Truncated, report.LeftOut }.Select(lines => string.Join(',', lines))));
    }

    [Fact]
    public void What_looks_like_a_special_token_and_is_none_is_told()
    {
        RecordingObserver observer = new();
        Train(With("chatml"), observer: observer);
        Assert.Contains(observer.Warnings, warning => warning.Contains("writes <|im_start|>, <|im_end|>, which the model's vocabulary lacks", StringComparison.Ordinal));
        observer = new();
        Train(With("alpaca"), observer: observer);
        Assert.DoesNotContain(observer.Warnings, warning => warning.Contains("vocabulary", StringComparison.Ordinal));
    }

    private static TrainingOptions With(string template) => ExampleRun.Options with { Data = new() { ChatTemplate = template } };

    private string Chat() => folder.Write("chat.jsonl", """
        {"messages":[{"role":"user","content":"Tell me about the fox."},{"role":"assistant","content":"The fox digs a den."}]}
        {"messages":[{"role":"user","content":"Tell me about the owl."},{"role":"assistant","content":"The owl flies at night."}]}

        """);

    private LoraTrainingResult Train(TrainingOptions options, int day = 1, ITrainingObserver? observer = null, CancellationToken cancellation = default)
    {
        using TrainingSession session = new(new StoppedClock(new DateTime(2026, 11, day, 12, 0, 0, DateTimeKind.Utc)));
        return session.Train(ExampleRun.Config, new(Chat()), options with { BatchSize = 1 }, observer ?? new RecordingObserver(), cancellation);
    }
}
