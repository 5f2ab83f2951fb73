using Lora.Adapters;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>A run that was stopped and gone on with ends where one that was not stopped ends.</summary>
public class ResumeTests
{
    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = 6, SaveStep = 2 };

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(0.2, false)]
    [InlineData(0.0, true)]
    [InlineData(0.2, true)]
    public void A_stopped_run_goes_on_bit_for_bit(double dropout, bool useDora)
    {
        using TemporaryFolder folder = new();
        LoraConfig config = ExampleRun.Config with { Dropout = dropout, UseDora = useDora };
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
    public void A_process_that_dies_before_its_adapter_is_in_place_leaves_the_state_that_makes_it()
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = Options with { OutputPath = folder.File("run") };
        RecordingObserver observer = new(onStage: stage =>
        {
            if (stage.StartsWith("Writing", StringComparison.Ordinal))
            {
                folder.Copy("run", "killed"); // as it is when the adapter begins to be written
            }
        });
        LoraTrainingResult whole = ExampleRun.Train(ExampleRun.Config, options, observer);

        LoraTrainingResult resumed = ExampleRun.Train(ExampleRun.Config, options with { OutputPath = folder.File("killed"), Resume = true });

        Assert.Empty(resumed.History); // all steps had been done
        Assert.Equal((LoraStopReason.Completed, whole.After), (resumed.StopReason, resumed.After));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(AdapterFolder.Load(folder.File("killed"))));
        Assert.False(TrainingStateFile.IsThere(folder.File("killed")));
    }

    [Fact]
    public void An_adapter_that_cannot_take_its_place_at_the_end_leaves_the_state()
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = Options with { OutputPath = folder.File("run"), SaveStep = 4 };
        string inTheWay = Path.Combine(folder.File("run"), "adapter_config.json");
        RecordingObserver observer = new(step => Directory.CreateDirectory(inTheWay));

        LoraTrainingResult unwritten = ExampleRun.Train(ExampleRun.Config, options, observer);
        Directory.Delete(inTheWay);
        LoraTrainingResult resumed = ExampleRun.Train(ExampleRun.Config, options with { Resume = true });

        Assert.Equal(LoraError.OutputFailed, Assert.Single(observer.Failures).Error);
        Assert.Null(unwritten.AdapterPath);
        Assert.Empty(resumed.History); // the state was written once more, after the last step
        Assert.Equal(ExampleRun.Values(unwritten.Adapter!), ExampleRun.Values(AdapterFolder.Load(resumed.AdapterPath!)));
    }

    [Theory]
    [InlineData(100, false)]
    [InlineData(null, true)]
    [InlineData(100, true)]
    public void A_run_without_a_state_on_its_way_is_as_good_as_any(int? saveStep, bool resume)
    {
        using TemporaryFolder folder = new();
        RecordingObserver observer = new();
        LoraTrainingResult result = ExampleRun.Train(
            ExampleRun.Config, Options with { OutputPath = folder.File("a/b/new"), SaveStep = saveStep, Resume = resume }, observer);

        Assert.Equal(6, result.History.Length);
        Assert.Empty(observer.Failures);
        Assert.Equal(resume, observer.Warnings.Any(warning => warning.Contains("begins at its first step", StringComparison.Ordinal)));
        Assert.Equal(folder.File("a/b/new"), result.AdapterPath);
    }

    [Fact]
    public void A_run_that_has_ended_is_said_to_have()
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = Options with { OutputPath = folder.File("run") };
        ExampleRun.Train(ExampleRun.Config, options);

        Assert.Equal(LoraError.RunEnded, Refused(options with { Resume = true }));
        Assert.Equal(LoraError.OutputExists, Refused(options));
    }

    [Fact]
    public void A_run_that_is_begun_anew_over_an_unfinished_one_leaves_nothing_of_its_state()
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = Options with { OutputPath = folder.File("run") };
        StopAfter(2, ExampleRun.Config, options);

        ExampleRun.Train(ExampleRun.Config, options with { SaveStep = null, Overwrite = true, Seed = 7 });

        Assert.False(TrainingStateFile.IsThere(options.OutputPath!));
        Assert.Equal(LoraError.RunEnded, Refused(options with { Resume = true }));
    }

    [Fact]
    public void A_run_is_not_gone_on_with_on_other_weights()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("model"));
        Array.ForEach(Directory.GetFiles(ExampleRun.Model), file => File.Copy(file, Path.Combine(folder.File("model"), Path.GetFileName(file))));
        LoraConfig config = ExampleRun.Config with { Model = folder.File("model") };
        TrainingOptions options = Options with { OutputPath = folder.File("run") };
        StopAfter(2, config, options);
        using (FileStream weights = new(folder.File("model/model.safetensors"), FileMode.Open, FileAccess.ReadWrite))
        {
            weights.Seek(-1, SeekOrigin.End);
            weights.WriteByte(1);
        }

        LoraException exception = Assert.Throws<LoraException>(() => ExampleRun.Train(config, options with { Resume = true }));

        Assert.Equal(LoraError.ResumeRefused, exception.Error);
        Assert.Contains("Weights is another", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DeviceType.CPU, ScalarType.Float16, "was 'Float32' and is 'Float16'")]
    [InlineData(DeviceType.CUDA, ScalarType.Float32, "was 'CPU' and is 'CUDA'")]
    [InlineData(DeviceType.CPU, ScalarType.Float32, null)]
    public void A_run_is_not_gone_on_with_in_another_dtype_or_on_another_kind_of_device(DeviceType device, ScalarType type, string? difference)
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = Options with { OutputPath = folder.File("run"), Device = "cpu" };
        StopAfter(2, ExampleRun.Config, options);
        TrainingPlan plan = TrainingPlan.Make(ExampleRun.Config, ExampleRun.Data, options with { Resume = true });

        LoraException? exception = Record.Exception(() => plan.On(device, type, options)) as LoraException;

        Assert.Equal(difference is null ? null : LoraError.ResumeRefused, exception?.Error);
        Assert.Contains(difference ?? "", exception?.Message ?? "", StringComparison.Ordinal);
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
        Assert.Equal(LoraError.OutputFailed, Assert.Single(observer.Failures).Error); // once, not at each of three writings
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
        Assert.Equal(LoraError.NotSafetensors, Refused(Options with { OutputPath = folder.Path, Resume = true }));
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
