using System.Text.Json;
using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>metrics.jsonl beside the adapter: a line for each step and evaluation, as they are done, and once only however often a run is stopped.</summary>
public sealed class MetricsFileTests : IDisposable
{
    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = 6, EvaluationStep = 2 };

    private readonly TemporaryFolder folder = new();

    private string Run => folder.File("a/run");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Each_step_and_each_evaluation_has_a_line_as_soon_as_it_is_done()
    {
        List<int> seen = [];
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run }, new RecordingObserver(step => seen.Add(Lines().Length)));

        JsonElement[] lines = Lines();
        Assert.Equal([2, 4, 5, 7, 8, 10], seen); // with the evaluations before the first step and after steps 2, 4 and 6
        Assert.Equal(
            result.History.Select(step => (step.Step, step.Epoch, step.Loss, step.LearningRate, step.GradientNorm, step.Token, step.SupervisedToken)),
            lines.Where(line => !IsEvaluation(line)).Select(line => (Int(line, "step"), Double(line, "epoch"), Double(line, "loss"), Double(line, "learning_rate"),
                Double(line, "gradient_norm"), (long)Int(line, "tokens"), (long)Int(line, "supervised_tokens"))));
        Assert.Equal(
            result.Evaluation.Select(one => (one.Step, one.Name, one.Loss, one.Perplexity, one.Accuracy)),
            lines.Where(IsEvaluation).Select(line => (Int(line, "step"), line.GetProperty("evaluation").GetString()!, Double(line, "loss"), Double(line, "perplexity"), Double(line, "accuracy"))));
        double[] seconds = [.. lines.Select(line => Double(line, "seconds"))];
        Assert.Equal(seconds.Order(), seconds);
        Assert.Equal(ExampleRun.Values(result.Adapter!), ExampleRun.Values(AdapterFolder.Load(Run)));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void A_run_that_is_gone_on_with_has_each_line_once(int stop)
    {
        TrainingOptions options = Options with { Resume = true, OutputPath = Run };
        ExampleRun.Train(ExampleRun.Config, options with { OutputPath = folder.File("whole") });
        using CancellationTokenSource cancellation = new();
        ExampleRun.Train(ExampleRun.Config, options, new RecordingObserver(step =>
        {
            if (step.Step == stop)
            {
                cancellation.Cancel();
            }
        }), cancellation.Token);
        double before = Double(Lines()[^1], "seconds");
        File.AppendAllText(Path.Combine(Run, MetricsFile.Name), """{"step":5,"seconds":99}""" + "\n" + """{"step":4,"evalu"""); // of a process that was killed

        ExampleRun.Train(ExampleRun.Config, options);

        Assert.Equal(WithoutTime(folder.File("whole")), WithoutTime(Run));
        Assert.InRange(Double(Lines()[^1], "seconds"), before, 98);
    }

    [Fact]
    public void A_run_that_goes_on_without_its_file_begins_another()
    {
        TrainingOptions options = Options with { Resume = true, OutputPath = Run };
        using CancellationTokenSource cancellation = new();
        ExampleRun.Train(ExampleRun.Config, options, new RecordingObserver(_ => cancellation.Cancel()), cancellation.Token);
        File.Delete(Path.Combine(Run, MetricsFile.Name));

        ExampleRun.Train(ExampleRun.Config, options);

        Assert.Equal([2, 3, 4, 5, 6], Lines().Where(line => !IsEvaluation(line)).Select(line => Int(line, "step")));
    }

    [Fact]
    public void A_new_run_replaces_it_and_one_that_ends_before_its_first_step_does_not()
    {
        ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run });
        string old = File.ReadAllText(Path.Combine(Run, MetricsFile.Name));
        using CancellationTokenSource cancellation = new();
        RecordingObserver observer = new(onStage: stage => CancelAt(stage.StartsWith("Training", StringComparison.Ordinal), cancellation));
        Assert.Throws<OperationCanceledException>(() => ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run, Overwrite = true }, observer, cancellation.Token));
        Assert.Equal(old, File.ReadAllText(Path.Combine(Run, MetricsFile.Name)));

        using CancellationTokenSource again = new();
        Assert.Throws<OperationCanceledException>(() => ExampleRun.Train(
            ExampleRun.Config, Options with { OutputPath = folder.File("b") }, new RecordingObserver(onStage: stage => CancelAt(stage.StartsWith("Training", StringComparison.Ordinal), again)), again.Token));
        Assert.False(Directory.Exists(folder.File("b")));

        ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run, Overwrite = true, MaxStep = 2, EvaluationStep = null });
        Assert.Equal(4, Lines().Length);
    }

    [Fact]
    public void Numbers_that_JSON_does_not_know_are_null()
    {
        MetricsFile metrics = new(Run, null);
        metrics.Add(new LoraTrainingStep { Step = 1, Loss = double.NaN, GradientNorm = double.PositiveInfinity, IsSkipped = true });

        JsonElement line = Assert.Single(Lines());
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null, JsonValueKind.True), (line.GetProperty("loss").ValueKind, line.GetProperty("gradient_norm").ValueKind, line.GetProperty("skipped").ValueKind));
    }

    [Fact]
    public void What_keeps_it_from_being_written_costs_the_run_nothing_and_is_told_once()
    {
        Directory.CreateDirectory(Path.Combine(Run, MetricsFile.Name)); // a folder where the file would be
        RecordingObserver observer = new();

        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run }, observer);

        Assert.Equal((LoraStopReason.Completed, 6), (result.StopReason, result.StepCount));
        Assert.Equal(LoraError.OutputFailed, Assert.Single(observer.Failures).Error);
        Assert.NotNull(result.AdapterPath);
    }

    private static void CancelAt(bool now, CancellationTokenSource cancellation)
    {
        if (now)
        {
            cancellation.Cancel();
        }
    }

    private JsonElement[] Lines() => [.. File.ReadAllLines(Path.Combine(Run, MetricsFile.Name)).Select(line => JsonDocument.Parse(line).RootElement)];

    private static string[] WithoutTime(string folder) =>
        [.. File.ReadAllLines(Path.Combine(folder, MetricsFile.Name)).Select(line => line[..line.IndexOf(",\"seconds\"", StringComparison.Ordinal)])];

    private static bool IsEvaluation(JsonElement line) => line.TryGetProperty("evaluation", out _);

    private static int Int(JsonElement line, string name) => line.GetProperty(name).GetInt32();

    private static double Double(JsonElement line, string name) => line.GetProperty(name).GetDouble();
}
