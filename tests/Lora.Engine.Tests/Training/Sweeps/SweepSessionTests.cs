using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>A sweep trains what trainings by themselves train.</summary>
public class SweepSessionTests
{
    [Fact]
    public void A_point_has_the_bytes_of_the_same_training_by_itself()
    {
        SweepPoint[] points = [SweepExample.Point(("Rank", 2)), SweepExample.Point(("Rank", 8), ("LearningRate", 1e-3), ("Dropout", 0.1))];

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points);

        Assert.All(points.Zip(swept), pair =>
        {
            LoraTrainingResult alone = SweepExample.Alone(pair.First);
            Assert.Equal(ExampleRun.Values(alone.Adapter!), ExampleRun.Values(pair.Second.Adapter!));
            Assert.Equal((alone.After!.Loss, Math.Exp(alone.After.Loss)), (pair.Second.Loss, pair.Second.Perplexity));
            Assert.Equal(alone.History.Sum(step => step.Token), pair.Second.Token);
            Assert.Equal(alone.History[^1].Loss, pair.Second.TrainingLoss); // a tenth of sixteen steps is one
            Assert.Equal((LoraSweepOutcome.Completed, 1, 16, 16), (pair.Second.Outcome, pair.Second.Rung, pair.Second.Step, pair.Second.TotalStep));
        });
        Assert.Equal(["rank-2", "rank-8_learningrate-0.001_dropout-0.1"], swept.Select(result => result.Name));
        Assert.Equal(8, swept[1].Parameter["Rank"]);
    }

    [Theory]
    [InlineData("SEQ_CLS", double.NaN)]
    [InlineData("TOKEN_CLS", double.NaN)]
    [InlineData("CAUSAL_LM", 1.6487212707001282)]
    public void A_point_that_classifies_has_no_perplexity(string task, double perplexity) =>
        Assert.Equal(perplexity, new LoraSweepResult { Config = new() { TaskType = task }, Loss = 0.5 }.Perplexity);

    [Fact]
    public void Points_of_one_epoch_share_the_hidden_states_below_the_lowest_block_of_all_and_have_the_same_bytes()
    {
        TrainingOptions options = SweepExample.Options with { MaxStep = null, BatchSize = 6, PrefixCache = LoraPrefixCache.Memory };
        SweepPoint[] points =
        [
            SweepExample.PointOf(ExampleRun.Config, options, ("LayersToTransform", new[] { 3 })),
            SweepExample.PointOf(ExampleRun.Config, options, ("LayersToTransform", new[] { 2, 3 })),
            SweepExample.PointOf(ExampleRun.Config, options, ("LayersToTransform", new[] { 2 }), ("Rank", 2)),
        ];

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points);

        Assert.All(points.Zip(swept), pair => Assert.Equal(ExampleRun.Values(SweepExample.Alone(pair.First).Adapter!), ExampleRun.Values(pair.Second.Adapter!)));
        Assert.Equal("layerstotransform-2+3", swept[1].Name);
    }

    [Fact]
    public void A_folder_has_an_adapter_for_each_point_and_no_state_of_a_finished_one()
    {
        using TemporaryFolder folder = new();
        SweepPoint[] points = SweepExample.Rates(1e-3, 5e-3);

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points, new() { OutputPath = folder.File("sweep") });

        Assert.All(points.Zip(swept), pair =>
        {
            Assert.Equal(folder.File(Path.Combine("sweep", pair.First.Name)), pair.Second.Path);
            Assert.Null(pair.Second.Adapter);
            Assert.Equal(ExampleRun.Values(SweepExample.Alone(pair.First).Adapter!), ExampleRun.Values(AdapterFolder.Load(pair.Second.Path!)));
            Assert.False(TrainingStateFile.IsThere(pair.Second.Path!));
        });
    }

    [Fact]
    public void A_point_that_cannot_be_trained_is_told_of_before_any_is_and_the_others_go_on()
    {
        RecordingSweep observer = new();
        SweepPoint[] points = [SweepExample.Point(("TargetModule", new[] { "q_prj" })), SweepExample.Point(("Rank", 2)), SweepExample.Point(("Rank", 0))];

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points, observer: observer);

        Assert.Equal(["rank-2"], swept.Select(result => result.Name));
        Assert.Equal([("targetmodule-q_prj", LoraError.TargetNotFound), ("rank-0", LoraError.ConfigValueInvalid)], observer.Failures.Select(failed => (failed.Point.Name, failed.Failure.Error)));
        Assert.All(observer.Failures, failed => Assert.Equal(LoraSweepOutcome.Failed, failed.Point.Outcome));
    }

    [Fact]
    public void A_point_that_fails_on_its_way_is_told_of_with_what_there_is_and_the_others_go_on()
    {
        RecordingSweep observer = new();

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(SweepExample.Rates(1e20, 1e-3), observer: observer);

        Assert.Equal(["learningrate-0.001"], swept.Select(result => result.Name));
        (LoraSweepResult point, LoraException failure) = Assert.Single(observer.Failures);
        Assert.Equal((LoraError.LossNotFinite, LoraSweepOutcome.Failed), (failure.Error, point.Outcome));
        Assert.InRange(point.Step, 1, 15);
    }

    [Fact]
    public void What_is_wrong_with_every_point_is_said_once()
    {
        SweepPoint[] points = [.. SweepExample.Rates(1e-3, 2e-3).Select(point => point with { Data = new("/nowhere.jsonl") })];

        LoraException exception = Assert.Throws<LoraException>(() => SweepExample.Sweep(points));

        Assert.Equal(LoraError.PathNotFound, Assert.Single(exception.Problems).Error);
    }

    [Fact]
    public void A_sweep_has_points_and_each_once()
    {
        Assert.Equal(LoraError.SweepPointNotGiven, Assert.Throws<LoraException>(() => SweepExample.Sweep([])).Error);
        LoraException twice = Assert.Throws<LoraException>(() => SweepExample.Sweep(SweepExample.Rates(1e-3, 2e-3, 1e-3)));
        Assert.Equal(LoraError.SweepPointRepeated, twice.Error);
        Assert.Contains("Points 1 and 3", twice.Message, StringComparison.Ordinal);
    }
}
