using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>Cuts the epochs of a dataset into optimiser steps. The order of rows depends on the seed and the epoch only.</summary>
internal sealed class TrainingSteps(Dataset dataset, TrainingOptions options, int padding)
{
    // Batches that are looked at one by one before the first step, a third of a second; what may come after them is bounded.
    private const int BatchesLookedAt = 100_000;

    private int BatchesPerEpoch => Parts(dataset.Examples.Count, options.BatchSize);

    private int StepsPerEpoch => Parts(BatchesPerEpoch, options.GradientAccumulation);

    /// <summary>Optimiser steps of the run. A step limit alone goes on for as many epochs as it takes.</summary>
    public int Total => options.MaxStep ?? (int)Math.Min((long)StepsPerEpoch * options.Epoch, int.MaxValue);

    /// <summary>The learning rate of each step.</summary>
    public LearningRate Rate => new(options.LearningRate, options.Schedule, options.WarmupStep ?? Math.Min(100, Total / 20), Total);

    /// <summary>Whether any row comes twice.</summary>
    public bool IsRepeating => Total > StepsPerEpoch;

    /// <summary>
    /// What the memory of each batch hangs on: of the batches of the first epoch, and of more up to a hundred thousand; for a run that goes on after
    /// them also the largest batches that its rows could make, whatever order they come in.
    /// </summary>
    /// <param name="cancellation">Checked for each batch.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IEnumerable<StepShape> Shapes(CancellationToken cancellation)
    {
        int seen = Math.Max(StepsPerEpoch, BatchesLookedAt / Math.Min(options.GradientAccumulation, BatchesPerEpoch));
        foreach (IReadOnlyList<int> rows in Rows().Take(Math.Min(Total, seen)).SelectMany(step => step.Batches))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Shape(rows.Select(row => dataset.Examples[row]));
        }

        if (Total > seen)
        {
            yield return Shape(dataset.Examples.OrderByDescending(row => row.Ids.Length).Take(options.BatchSize));
            yield return Shape(dataset.Examples.OrderByDescending(row => row.TargetCount).Take(options.BatchSize));
        }
    }

    /// <summary>The steps, made as they are asked for.</summary>
    /// <param name="done">Steps to leave out at the start.</param>
    public IEnumerable<TrainingStepBatches> After(int done) => Rows().Take(Total).Skip(done).Select((step, index) => new TrainingStepBatches(
        done + index + 1,
        step.Epoch,
        step.Batches.Select(batch => Batch.Of([.. batch.Select(row => dataset.Examples[row])], padding))));

    private static StepShape Shape(IEnumerable<TrainingExample> rows) =>
        new([.. rows.Select(row => row.Ids.Length)], rows.Sum(row => row.TargetCount));

    // Without the usual sum, which leaves the range of an int: all rows in one batch is [int]::MaxValue.
    private static int Parts(int count, int size) => (count / size) + (count % size == 0 ? 0 : 1);

    /// <summary>The rows of each step's batches, without end.</summary>
    private IEnumerable<(double Epoch, IReadOnlyList<int>[] Batches)> Rows()
    {
        for (int epoch = 0; ; epoch++)
        {
            // By seed and epoch alone: a resumed run has the same order without having drawn the earlier ones.
            BatchOrder order = new(dataset.Examples.Count, options.Seed, epoch);
            int begun = 0;

            // Steps end with their epoch: the last may have fewer batches, and the loss by tokens keeps their weights right.
            foreach (IReadOnlyList<int>[] batches in order.Batches(options.BatchSize).Chunk(options.GradientAccumulation))
            {
                begun++;
                yield return (epoch + ((double)begun / StepsPerEpoch), batches);
            }
        }
    }
}
