using System.Text;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Runs on a dataset that is too large to be encoded before them.</summary>
public sealed class LargeRunTests : IDisposable
{
    private const int Rows = 60_000;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Rows_are_encoded_while_the_run_goes_on_and_what_was_cut_is_said_at_its_end()
    {
        RecordingObserver observer = new();
        LoraTrainingResult result = Train(Write(), ExampleRun.Options with { MaxLength = 16 }, observer);

        Assert.Equal((LoraStopReason.Completed, 4), (result.StopReason, result.StepCount));
        Assert.Contains(observer.Stages, stage => stage.StartsWith($"The {Rows} rows are encoded when they are needed", StringComparison.Ordinal));
        Assert.Contains(observer.Warnings, warning => warning.Contains("were longer than 16 tokens and cut at their end", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_is_changed_meanwhile_ends_the_steps_and_the_adapter_of_the_step_before_is_kept()
    {
        string path = Write();
        RecordingObserver observer = new(step => Change(path, step.Step));
        LoraTrainingResult result = Train(path, ExampleRun.Options with { MaxStep = 500 }, observer);

        Assert.Equal(LoraStopReason.DataFailed, result.StopReason);
        Assert.Equal(LoraError.DatasetChanged, Assert.Single(observer.Failures).Error);
        Assert.InRange(result.StepCount, 2, 10); // some batches were encoded for the plan, and some ahead
        Assert.NotNull(result.Adapter);

        static void Change(string path, int step)
        {
            if (step == 2)
            {
                File.WriteAllText(path, "{}");
            }
        }
    }

    [Fact]
    public void A_run_that_is_stopped_while_rows_are_encoded_ahead_goes_on_bit_for_bit()
    {
        string path = Write();
        TrainingOptions options = ExampleRun.Options with { OutputPath = folder.File("run"), Resume = true };
        LoraTrainingResult whole = Train(path, ExampleRun.Options, new RecordingObserver());
        using CancellationTokenSource cancellation = new();
        LoraTrainingResult stopped = Train(path, options, new RecordingObserver(_ => cancellation.Cancel()), cancellation.Token);
        Assert.Equal((LoraStopReason.Cancelled, 1), (stopped.StopReason, stopped.StepCount));

        RecordingObserver observer = new();
        LoraTrainingResult resumed = Train(path, options, observer);

        Assert.Equal(LoraStopReason.Completed, resumed.StopReason);
        Assert.Equal([2, 3, 4], observer.Steps.Select(step => step.Step));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(resumed.Adapter!));
    }

    private static LoraTrainingResult Train(string path, TrainingOptions options, ITrainingObserver observer, CancellationToken cancellation = default)
    {
        using TrainingSession session = new();
        return session.Train(ExampleRun.Config, new TrainingData(path), options, observer, cancellation);
    }

    /// <summary>Eighteen megabytes.</summary>
    private string Write()
    {
        StringBuilder lines = new();
        for (int row = 0; row < Rows; row++)
        {
            lines.Append("{\"text\":\"Note ").Append(row).Append(": ").Append('a', 250 + (row % 60)).Append("\"}\n");
        }

        return folder.Write("rows.jsonl", lines.ToString());
    }
}
