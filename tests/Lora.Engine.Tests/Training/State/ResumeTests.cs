using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>A run that was stopped and gone on with ends where one that was not stopped ends.</summary>
[Collection(nameof(TrainingSessionTests))]
public class ResumeTests
{
    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = 6, SaveStep = 2 };

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.2)]
    public void A_stopped_run_goes_on_bit_for_bit(double dropout)
    {
        using TemporaryFolder folder = new();
        LoraConfig config = ExampleRun.Config with { Dropout = dropout };
        LoraTrainingResult whole = ExampleRun.Train(config, Options with { OutputPath = folder.File("whole") });
        TrainingOptions options = Options with { OutputPath = folder.File("parts"), Resume = true };

        LoraTrainingResult stopped = StopAfter(3, config, options);
        LoraTrainingResult resumed = ExampleRun.Train(config, options);

        Assert.Equal((LoraStopReason.Cancelled, LoraStopReason.Completed), (stopped.StopReason, resumed.StopReason));
        Assert.Equal([1, 2, 3, 4, 5, 6], stopped.History.Concat(resumed.History).Select(step => step.Step));
        Assert.Equal(whole.History.Select(step => step.Loss), stopped.History.Concat(resumed.History).Select(step => step.Loss));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(resumed.Adapter!));
        Assert.Equal((whole.Before, whole.After), (resumed.Before, resumed.After));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(AdapterFolder.Load(options.OutputPath!)));
        Assert.False(TrainingStateFile.IsThere(options.OutputPath!));
    }

    [Fact]
    public void A_process_that_was_killed_goes_on_from_the_last_state_that_was_written()
    {
        using TemporaryFolder folder = new();
        LoraTrainingResult whole = ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = folder.File("whole") });
        TrainingOptions options = Options with { OutputPath = folder.File("parts") };
        StopAfter(3, ExampleRun.Config, options, () => folder.Copy("parts", "killed")); // as it is within the fourth step

        LoraTrainingResult resumed = ExampleRun.Train(ExampleRun.Config, options with { OutputPath = folder.File("killed"), Resume = true });

        Assert.Equal([3, 4, 5, 6], resumed.History.Select(step => step.Step));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(resumed.Adapter!));
    }

    [Fact]
    public void Without_a_state_to_go_on_from_the_run_begins_at_its_first_step()
    {
        using TemporaryFolder folder = new();
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = folder.File("new"), Resume = true });

        Assert.Equal(6, result.History.Length);
    }

    [Fact]
    public void An_unfinished_run_is_neither_overwritten_unasked_nor_gone_on_with_by_another()
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = Options with { OutputPath = folder.File("run") };
        StopAfter(2, ExampleRun.Config, options);

        Assert.Equal(LoraError.RunUnfinished, Refused(options));
        LoraException other = Assert.Throws<LoraException>(() =>
            ExampleRun.Train(ExampleRun.Config with { Rank = 8 }, options with { Resume = true, LearningRate = 1e-3, Seed = 1 }));
        Assert.Equal(3, other.Problems.Count);
        Assert.All(other.Problems, problem => Assert.Equal(LoraError.ResumeRefused, problem.Error));
        Assert.Contains("LearningRate was '0.005' and is '0.001'", other.Message, StringComparison.Ordinal);
        Assert.Equal(6, ExampleRun.Train(ExampleRun.Config, options with { Overwrite = true }).History.Length);
    }

    [Fact]
    public void A_state_that_cannot_be_written_costs_the_run_nothing()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(Path.Combine(folder.File("run"), TrainingStateFile.Name)); // a folder where the file would be
        RecordingObserver observer = new();

        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = folder.File("run") }, observer);

        Assert.Equal((LoraStopReason.Completed, 6), (result.StopReason, result.History.Length));
        Assert.NotNull(result.AdapterPath);
        Assert.NotEmpty(observer.Failures);
        Assert.All(observer.Failures, failure => Assert.Equal(LoraError.OutputFailed, failure.Error));
    }

    [Fact]
    public void A_state_needs_a_folder_and_a_damaged_one_is_refused()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(LoraError.ConfigValueInvalid, Refused(Options with { OutputPath = null }));
        Assert.Equal(LoraError.ConfigValueInvalid, Refused(ExampleRun.Options with { Resume = true }));
        File.Copy(Path.Combine(ExampleRun.Model, "model.safetensors"), folder.File(TrainingStateFile.Name));
        Assert.Equal(LoraError.ResumeRefused, Refused(Options with { OutputPath = folder.Path, Resume = true }));
        folder.Write(TrainingStateFile.Name, "no safetensors");
        Assert.Equal(LoraError.SafetensorsHeaderTooLarge, Refused(Options with { OutputPath = folder.Path, Resume = true }));
    }

    private static LoraError Refused(TrainingOptions options) => Assert.Throws<LoraException>(() => ExampleRun.Train(ExampleRun.Config, options)).Error;

    private static LoraTrainingResult StopAfter(int steps, LoraConfig config, TrainingOptions options, Action? before = null)
    {
        using CancellationTokenSource cancellation = new();
        RecordingObserver observer = new(step =>
        {
            if (step.Step == steps)
            {
                before?.Invoke();
                cancellation.Cancel();
            }
        });
        return ExampleRun.Train(config, options, observer, cancellation.Token);
    }
}
