using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>Cuts the epochs of a dataset into optimiser steps. The order of rows depends on the seed and the epoch only.</summary>
internal sealed class TrainingSteps(Dataset dataset, TrainingOptions options, int padding)
{
    private int BatchesPerEpoch => (dataset.Examples.Count + options.BatchSize - 1) / options.BatchSize;

    private int StepsPerEpoch => (BatchesPerEpoch + options.GradientAccumulation - 1) / options.GradientAccumulation;

    /// <summary>Optimiser steps of the run. A step limit alone goes on for as many epochs as it takes.</summary>
    public int Total => options.MaxStep ?? (StepsPerEpoch * options.Epoch);

    /// <summary>The learning rate of each step.</summary>
    public LearningRate Rate => new(options.LearningRate, options.Schedule, options.WarmupStep ?? Math.Min(100, Total / 20), Total);

    /// <summary>Whether any row comes twice.</summary>
    public bool IsRepeating => Total > StepsPerEpoch;

    /// <summary>What the memory of each batch hangs on.</summary>
    public IEnumerable<StepShape> Shapes() => Rows().Take(Total).SelectMany(step => step.Batches).Select(rows => new StepShape(
        [.. rows.Select(row => dataset.Examples[row].Ids.Length)],
        rows.Sum(row => dataset.Examples[row].TargetCount)));

    /// <summary>The steps, made as they are asked for.</summary>
    /// <param name="done">Steps to leave out at the start.</param>
    public IEnumerable<TrainingStepBatches> After(int done) => Rows().Take(Total).Skip(done).Select((step, index) => new TrainingStepBatches(
        done + index + 1,
        step.Epoch,
        step.Batches.Select(batch => Batch.Of([.. batch.Select(row => dataset.Examples[row])], padding))));

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
