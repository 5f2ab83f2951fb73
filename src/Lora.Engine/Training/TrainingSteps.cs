using Lora.Data;

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

    /// <summary>The steps, made as they are asked for.</summary>
    public IEnumerable<TrainingStepBatches> All() => Endless().Take(Total);

    private IEnumerable<TrainingStepBatches> Endless()
    {
        int number = 0;
        for (int epoch = 0; ; epoch++)
        {
            BatchOrder order = new(dataset.Examples.Count, options.Seed, epoch);
            int begun = 0;
            foreach (IReadOnlyList<int>[] rows in order.Batches(options.BatchSize).Chunk(options.GradientAccumulation))
            {
                begun++;
                IEnumerable<Batch> batches = rows.Select(batch => Batch.Of([.. batch.Select(row => dataset.Examples[row])], padding));
                yield return new(++number, epoch + ((double)begun / StepsPerEpoch), batches);
            }
        }
    }
}
