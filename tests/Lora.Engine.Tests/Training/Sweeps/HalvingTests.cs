using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Successive halving: who goes on, how far, and that what goes on goes on to the bit.</summary>
public class HalvingTests
{
    private static readonly SweepOptions Halved = new() { Factor = 4 };

    [Theory]
    [InlineData(16, 4, "16x16 4x4 1x1")]
    [InlineData(64, 4, "64x64 16x16 4x4 1x1")]
    [InlineData(17, 4, "17x16 4x4 1x1")]
    [InlineData(15, 4, "15x4 3x1")]
    [InlineData(3, 4, "3x4 1x1")]
    [InlineData(9, 3, "9x9 3x3 1x1")]
    [InlineData(1, 4, "1x1")]
    [InlineData(8, null, "8x1")]
    public void One_in_so_many_goes_on_with_so_many_times_the_steps(int points, int? factor, string expected)
    {
        SweepRungs rungs = new(points, factor);
        List<string> found = [];
        int running = points;
        for (int rung = 1; rung <= rungs.Count; rung++)
        {
            found.Add($"{running}x{rungs.Divisor(rung)}");
            running = rung < rungs.Count ? rungs.GoOn(running) : 0;
        }

        Assert.Equal(expected, string.Join(' ', found));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_winner_has_the_bytes_of_one_run_and_the_schedule_is_that_of_the_whole(bool isKept)
    {
        using TemporaryFolder folder = new();
        RecordingSweep observer = new();
        SweepPoint[] points = [.. SweepExample.Rates(1e-5, 5e-3, 1e-4, 2e-5).Select(point => point with { Config = point.Config with { Dropout = 0.1 } })];

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points, Halved with { OutputPath = isKept ? folder.File("sweep") : null }, observer);

        LoraSweepResult winner = swept[^1];
        LoraTrainingResult alone = SweepExample.Alone(points[1]);
        Assert.Equal(("learningrate-0.005", LoraSweepOutcome.Completed, 2, 16), (winner.Name, winner.Outcome, winner.Rung, winner.Step));
        Assert.Equal(ExampleRun.Values(alone.Adapter!), ExampleRun.Values(winner.Adapter ?? AdapterFolder.Load(winner.Path!)));
        Assert.Equal(alone.After!.Loss, winner.Loss);
        Assert.Equal(alone.History.Sum(step => step.Token), winner.Token);
        Assert.Equal(alone.History.Select(step => (step.Step, step.Loss, step.LearningRate)), Steps(observer, winner));
        Assert.Equal([LoraSweepOutcome.Halved, LoraSweepOutcome.Halved, LoraSweepOutcome.Halved, LoraSweepOutcome.Completed], swept.Select(result => result.Outcome));
        Assert.All(swept.SkipLast(1), result => Assert.Equal((1, 4, 16), (result.Rung, result.Step, result.TotalStep)));
        Assert.Equal(swept.SkipLast(1).OrderByDescending(result => result.Loss), swept.SkipLast(1)); // the worst first
        Assert.Equal(isKept, winner.Path is not null);
    }

    [Fact]
    public void A_point_that_other_points_were_better_than_can_be_gone_on_with_by_itself()
    {
        using TemporaryFolder folder = new();
        SweepPoint[] points = SweepExample.Rates(1e-4, 5e-3);
        LoraSweepResult left = SweepExample.Sweep(points, Halved with { OutputPath = folder.File("sweep") })[0];

        LoraTrainingResult resumed = ExampleRun.Train(points[0].Config, points[0].Options with { OutputPath = left.Path, Resume = true });

        Assert.Equal((LoraSweepOutcome.Halved, 4), (left.Outcome, left.Step));
        Assert.Equal((5, 16), (resumed.History[0].Step, resumed.History[^1].Step));
        Assert.Equal(ExampleRun.Values(SweepExample.Alone(points[0]).Adapter!), ExampleRun.Values(resumed.Adapter!));
    }

    [Fact]
    public void At_a_pause_only_the_set_that_points_are_compared_by_is_evaluated()
    {
        TrainingData data = new([ExampleRun.DataFile("train")], [new("other", [ExampleRun.DataFile("train")]), new("judge", [ExampleRun.DataFile("validation")])]);
        SweepPoint[] points = [.. SweepExample.Rates(1e-5, 5e-3).Select(point => point with { Data = data, Options = point.Options with { BestBy = "judge", EvaluationStep = 99 } })];
        RecordingSweep observer = new();

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points, Halved, observer);

        string[] pauses = [.. observer.Stages.Where(stage => stage.EndsWith("at the pause", StringComparison.Ordinal)).Select(stage => stage[(stage.IndexOf(':', StringComparison.Ordinal) + 2)..])];
        Assert.Equal(["Evaluating 'judge' at the pause", "Evaluating 'judge' at the pause"], pauses);
        Assert.Equal(["judge", "judge"], swept.Select(result => result.Evaluation!.Name));
        Assert.Equal("learningrate-0.005", swept[^1].Name);
    }

    [Fact]
    public void Prompts_that_a_point_cannot_answer_are_refused_before_its_first_rung()
    {
        SweepPoint[] points = [.. SweepExample.Rates(1e-5, 5e-3).Select(point => point with { Config = point.Config with { TaskType = "SEQ_CLS" }, Options = point.Options with { Prompt = ["What?"] } })];
        RecordingSweep observer = new();

        LoraException refused = Assert.Throws<LoraException>(() => SweepExample.Sweep(points, Halved, observer));

        Assert.Contains(refused.Problems, problem => problem.Message.Contains("Prompt", StringComparison.Ordinal));
        Assert.Empty(observer.Points);
    }

    [Fact]
    public void Without_a_validation_set_the_training_loss_decides()
    {
        SweepPoint[] points = [.. SweepExample.Rates(1e-5, 5e-3).Select(point => point with { Data = new(ExampleRun.DataFile("train")) })];

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points, Halved);

        Assert.Equal("learningrate-0.005", swept[^1].Name);
        Assert.All(swept, result => Assert.Equal((result.TrainingLoss, null), (result.Loss, result.Evaluation)));
    }

    [Fact]
    public void A_point_that_has_lost_its_patience_is_not_trained_on_and_may_still_win()
    {
        TrainingOptions options = SweepExample.Options with { EvaluationStep = 1, LearningRate = 0 };
        SweepPoint[] points = [SweepExample.PointOf(ExampleRun.Config, options with { Patience = 1 }, ("LearningRate", 0.0)), SweepExample.PointOf(ExampleRun.Config, options, ("Seed", 7))];

        RecordingSweep observer = new();

        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(points, Halved, observer);

        // Equal losses: the first goes on, and has nothing left to train.
        Assert.Equal(6, observer.Steps.Count);
        Assert.Equal(("learningrate-0", LoraSweepOutcome.EarlyStopped, 2, 2), (swept[^1].Name, swept[^1].Outcome, swept[^1].Step, swept[^1].Rung));
    }

    private static IEnumerable<(int Step, double Loss, double Rate)> Steps(RecordingSweep observer, LoraSweepResult point)
    {
        // The winner trains last; its first part is the second of the first rung.
        int part = point.TotalStep / 4;
        return observer.Steps.Skip(part).Take(part).Concat(observer.Steps.TakeLast(point.TotalStep - part)).Select(step => (step.Step, step.Loss, step.LearningRate));
    }
}
