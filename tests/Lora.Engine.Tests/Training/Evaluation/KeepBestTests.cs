using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>
/// Evaluations on the way, and what hangs on them. The rate is constant, so that the adapter after step n is that of a run of n steps: whatever is
/// evaluated or kept is held to such a run.
/// </summary>
public sealed class KeepBestTests : IDisposable
{
    private const int Steps = 9;

    // So large that the loss of the validation rows goes down, and up again.
    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = Steps, LearningRate = 0.5, EvaluationStep = 2 };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Each_evaluation_is_that_of_a_run_that_ends_there_and_changes_nothing()
    {
        LoraConfig config = ExampleRun.Config with { Dropout = 0.2 };
        LoraTrainingResult whole = ExampleRun.Train(config, Options);
        LoraTrainingResult without = ExampleRun.Train(config, Options with { EvaluationStep = null });
        LoraTrainingResult four = ExampleRun.Train(config, Options with { MaxStep = 4, EvaluationStep = null });

        Assert.Equal([0, 2, 4, 6, 8, 9], whole.Evaluation.Select(evaluation => evaluation.Step));
        Assert.Equal(four.After, whole.Evaluation[2]);
        Assert.Equal([whole.Evaluation[2]], whole.History[3].Evaluation);
        Assert.Empty(whole.History[2].Evaluation);
        Assert.Equal((without.Before, without.After), (whole.Before, whole.After));
        Assert.Equal(ExampleRun.Values(without.Adapter!), ExampleRun.Values(whole.Adapter!));
        Assert.Equal(Lowest(whole), whole.BestStep);
        Assert.Null(without.BestStep);
    }

    [Fact]
    public void The_best_adapter_is_the_result_and_what_is_written()
    {
        TrainingOptions options = Options with { MaxStep = 40, EvaluationStep = 1, Prompt = ["Tell me about the fox."], PromptToken = 6 };
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, options with { KeepBest = true, Patience = 1, OutputPath = folder.File("best") });
        LoraTrainingResult there = ExampleRun.Train(ExampleRun.Config, options with { MaxStep = result.BestStep });

        Assert.InRange(Lowest(result), 1, result.StepCount - 1);
        Assert.Equal(Lowest(result), result.BestStep);
        Assert.Equal(there.After, result.After);
        Assert.Equal(ExampleRun.Values(there.Adapter!), ExampleRun.Values(result.Adapter!));
        Assert.Equal(ExampleRun.Values(there.Adapter!), ExampleRun.Values(AdapterFolder.Load(folder.File("best"))));
        Assert.Equal(there.Sample[0].Adapted, result.Sample[0].Adapted);
    }

    [Fact]
    public void A_named_set_says_what_is_best()
    {
        ValidationSet train = new("train", ExampleRun.Data.Dataset);
        TrainingData data = new(ExampleRun.Data.Dataset, [.. ExampleRun.Data.ValidationDataset, train]);
        using TrainingSession session = new();
        LoraTrainingResult result = session.Train(ExampleRun.Config, data, Options with { KeepBest = true, BestBy = "TRAIN", EvaluationStep = 1 }, new RecordingObserver());

        LoraEvaluation best = result.Evaluation.Where(evaluation => evaluation.Name == "train" && evaluation.Step > 0).MinBy(evaluation => evaluation.Loss)!;
        Assert.Equal(best.Step, result.BestStep);
        Assert.Equal(result.Evaluation.Single(evaluation => evaluation.Name != "train" && evaluation.Step == best.Step), result.After);
    }

    [Fact]
    public void A_run_without_a_better_adapter_for_too_long_ends()
    {
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, Options with { MaxStep = 40, EvaluationStep = 1, Patience = 3, LearningRate = 50 });
        LoraTrainingResult there = ExampleRun.Train(ExampleRun.Config, Options with { MaxStep = result.StepCount, LearningRate = 50 });

        Assert.Equal(LoraStopReason.EarlyStopped, result.StopReason);
        Assert.Equal(result.BestStep + 3, result.StepCount);
        Assert.Equal(Lowest(result), result.BestStep);
        Assert.Equal(ExampleRun.Values(there.Adapter!), ExampleRun.Values(result.Adapter!)); // the last step's: the best was not asked for
        Assert.Equal(there.After, result.After);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void A_stopped_run_goes_on_with_its_best_adapter(int stop)
    {
        TrainingOptions options = Options with { KeepBest = true, Patience = 20, Resume = true };
        LoraConfig config = ExampleRun.Config with { Dropout = 0.1 };
        LoraTrainingResult whole = ExampleRun.Train(config, options with { OutputPath = folder.File("whole") });
        LoraTrainingResult stopped = StopAt(step => step == stop, config, options with { OutputPath = folder.File("parts") });
        string early = string.Concat(ExampleRun.Values(AdapterFolder.Load(folder.File("parts"))));
        LoraTrainingResult resumed = ExampleRun.Train(config, options with { OutputPath = folder.File("parts") });

        Assert.Equal((LoraStopReason.Cancelled, LoraStopReason.Completed), (stopped.StopReason, resumed.StopReason));
        Assert.Equal(whole.Evaluation, stopped.Evaluation.Concat(resumed.Evaluation.Skip(1))); // the first is that before the first step, again
        Assert.Equal((whole.BestStep, whole.Before, whole.After), (resumed.BestStep, resumed.Before, resumed.After));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(AdapterFolder.Load(folder.File("parts"))));

        // What lies there meanwhile is the best so far.
        LoraTrainingResult there = ExampleRun.Train(config, Options with { MaxStep = stopped.BestStep });
        Assert.Equal(string.Concat(ExampleRun.Values(there.Adapter!)), early);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(Steps)]
    public void A_run_that_is_stopped_within_an_evaluation_takes_it_when_it_goes_on(int step)
    {
        TrainingOptions options = Options with { KeepBest = true, Resume = true, OutputPath = folder.File("parts") };
        LoraTrainingResult whole = ExampleRun.Train(ExampleRun.Config, options with { OutputPath = folder.File("whole") });
        using CancellationTokenSource cancellation = new();
        RecordingObserver observer = new(onStage: stage => Stop(stage.StartsWith($"Evaluating after step {step}", StringComparison.Ordinal), cancellation));
        LoraTrainingResult stopped = ExampleRun.Train(ExampleRun.Config, options, observer, cancellation.Token);
        LoraTrainingResult resumed = ExampleRun.Train(ExampleRun.Config, options);

        Assert.Equal((LoraStopReason.Cancelled, step), (stopped.StopReason, stopped.History[^1].Step));
        Assert.Equal(whole.Evaluation, stopped.Evaluation.Concat(resumed.Evaluation.Skip(1)));
        Assert.Equal(whole.BestStep, resumed.BestStep);
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(resumed.Adapter!));
    }

    [Fact]
    public void A_process_that_dies_after_the_run_has_lost_patience_does_not_train_on()
    {
        TrainingOptions options = Options with { MaxStep = 40, EvaluationStep = 1, Patience = 1, KeepBest = true, SaveStep = 1, OutputPath = folder.File("run") };
        RecordingObserver observer = new(onStage: stage =>
        {
            if (stage.StartsWith("Writing", StringComparison.Ordinal))
            {
                folder.Copy("run", "killed");
            }
        });
        LoraTrainingResult whole = ExampleRun.Train(ExampleRun.Config, options, observer);
        LoraTrainingResult resumed = ExampleRun.Train(ExampleRun.Config, options with { OutputPath = folder.File("killed"), Resume = true });

        Assert.Equal((LoraStopReason.EarlyStopped, 0), (resumed.StopReason, resumed.StepCount));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(AdapterFolder.Load(folder.File("killed"))));
        Assert.False(TrainingStateFile.IsThere(folder.File("killed")));
    }

    [Fact]
    public void Options_that_have_nothing_to_go_by_are_refused_all_together()
    {
        LoraException without = Assert.Throws<LoraException>(() =>
            ExampleRun.Train(ExampleRun.Config, Options with { EvaluationStep = null, KeepBest = true, Patience = 0, BestBy = "nobody" }));
        using TrainingSession session = new();
        LoraException empty = Assert.Throws<LoraException>(() => session.Train(ExampleRun.Config, new(ExampleRun.DataFile("train")), Options));

        Assert.Equal(5, without.Problems.Count);
        Assert.All(without.Problems, problem => Assert.Equal(LoraError.ConfigValueInvalid, problem.Error));
        Assert.Contains("EvaluationStep is without a ValidationDataset", Assert.Single(empty.Problems).Message, StringComparison.Ordinal);
    }

    private static int Lowest(LoraTrainingResult result) => result.Evaluation.Where(evaluation => evaluation.Step > 0).MinBy(evaluation => evaluation.Loss)!.Step;

    private static LoraTrainingResult StopAt(Func<int, bool> isAt, LoraConfig config, TrainingOptions options)
    {
        using CancellationTokenSource cancellation = new();
        return ExampleRun.Train(config, options, new RecordingObserver(step => Stop(isAt(step.Step), cancellation)), cancellation.Token);
    }

    private static void Stop(bool now, CancellationTokenSource cancellation)
    {
        if (now)
        {
            cancellation.Cancel();
        }
    }
}
