using System.Text.Json;
using Lora.Data;
using Lora.Models;
using Lora.Text;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>What is planned of a dataset whose rows are encoded when they are asked for, some of which have nothing to learn.</summary>
public sealed class EvaluationShapesTests : IDisposable
{
    private static readonly object Overlong = new { prompt = new string('x', 200), completion = "b" };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>More than the batches that are looked at for their bytes.</summary>
    [Fact]
    public void Rows_with_nothing_to_learn_do_not_hide_those_that_have_however_many_and_long_they_are()
    {
        using Dataset dataset = Load([.. Enumerable.Repeat(Overlong, 40), new { prompt = "a", completion = "bear" }, .. Enumerable.Repeat(Overlong, 40)]);
        int learned = dataset.Example(40)!.TargetCount;

        Assert.Equal([learned], EvaluationShapes.Of(dataset, 1, sharesBeginnings: true, CancellationToken.None).Select(shape => shape.Supervised).Distinct());
        Assert.Equal([learned], new TrainingSteps(dataset, new() { BatchSize = 1 }, Batch.Padding).Shapes(default).Select(shape => shape.Supervised).Distinct());
    }

    [Fact]
    public void Steps_without_a_row_that_has_anything_to_learn_are_planned_by_the_next_row_that_has()
    {
        using Dataset dataset = Load([.. Enumerable.Repeat(Overlong, 40), new { prompt = "a", completion = "bear" }]);
        TrainingSteps[] runs = [.. Enumerable.Range(0, 3).Select(seed => new TrainingSteps(dataset, new() { BatchSize = 1, MaxStep = 1, Seed = seed }, Batch.Padding))];

        Assert.All(runs, steps => Assert.Equal(steps.After(0).Single().SupervisedTokens, steps.Shapes(default).Max(shape => shape.Supervised)));
        Assert.All(runs, steps => Assert.Equal(1, steps.Largest(default).Rows));
    }

    [Fact]
    public void A_row_that_is_left_out_shifts_no_batch_from_what_was_planned()
    {
        using Dataset dataset = Load([Overlong, .. new[] { "b", "bear fox", "fox", "bear bear fox" }.Select(text => new { prompt = "a", completion = text })]);
        using SupervisedCounts engine = new();
        int done = 0;

        int[] planned = [.. EvaluationShapes.Of(dataset, 2, sharesBeginnings: true, CancellationToken.None).Select(shape => shape.Supervised)];
        Evaluator.Evaluate(engine, dataset, 2, CancellationToken.None, () => done++);

        // Each batch is among those of most bytes and among those of most work.
        Assert.Equal(3, engine.Seen.Count);
        Assert.Equal(engine.Seen.Concat(engine.Seen).Order(), planned.Order());
        Assert.Equal(Evaluator.Batches(dataset, 2), done);
    }

    private Dataset Load(object[] rows) => Dataset.Load(
        [folder.Write("rows.jsonl", string.Join('\n', rows.Select(row => JsonSerializer.Serialize(row))))],
        Tokenizer.Load(ExampleRun.Model),
        new() { MaxLength = 24, Limits = new() { EncodedAtOnce = 0, TemporaryFolder = folder.Path } });

    /// <summary>Notes what it is asked for.</summary>
    private sealed class SupervisedCounts : IStepEngine
    {
        public List<int> Seen { get; } = [];

        public Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale) => throw new NotSupportedException();

        public LossSum SumLoss(Batch batch, SupervisedRows rows)
        {
            Seen.Add(rows.Count);
            return default;
        }

        public void Dispose()
        {
        }
    }
}
