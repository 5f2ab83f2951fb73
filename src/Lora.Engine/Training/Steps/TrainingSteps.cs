using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>Cuts the epochs of a dataset into optimiser steps. The order of rows depends on the seed and the epoch only.</summary>
internal sealed class TrainingSteps(Dataset dataset, TrainingOptions options, int padding)
{
    // Batches that are looked at one by one before the first step, a third of a second; what may come after them is bounded.
    private const int BatchesLookedAt = 100_000;

    // Of rows that are not encoded yet, those batches are that have the most bytes: so many of each kind, since bytes tell tokens only roughly.
    private const int BatchesEncoded = 16;

    // Making a step takes far less than training on it: one that is ready and one under way are enough.
    private const int StepsAhead = 2;

    private int BatchesPerEpoch => Parts(dataset.Epoch.Count, options.BatchSize);

    private int StepsPerEpoch => Parts(BatchesPerEpoch, options.GradientAccumulation);

    /// <summary>Optimiser steps of the run. A step limit alone goes on for as many epochs as it takes.</summary>
    public int Total => options.MaxStep ?? (int)Math.Min((long)StepsPerEpoch * options.Epoch, int.MaxValue);

    /// <summary>The step that ends this part of the run: the last of all, but in a run that pauses before.</summary>
    public int End => Parts(Total, options.PauseDivisor ?? 1);

    /// <summary>The learning rate of each step.</summary>
    public LearningRate Rate => new(options.LearningRate, options.Schedule, options.WarmupStep ?? Math.Min(100, Total / 20), Total)
    {
        Minimum = options.MinimumLearningRate,
        DecaySteps = options.DecayStep,
    };

    /// <summary>Whether any row comes twice.</summary>
    public bool IsRepeating => Total > StepsPerEpoch || dataset.Epoch.IsRepeating;

    /// <summary>
    /// What the memory of each batch hangs on: of the batches of the first epoch, and of more up to a hundred thousand; for a run that goes on after
    /// them also the largest batches that its rows could make, whatever order they come in. Of a dataset that is not encoded yet the batches of most bytes.
    /// </summary>
    /// <param name="cancellation">Checked for each batch.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IEnumerable<StepShape> Shapes(CancellationToken cancellation) =>
        Looked(cancellation).Select(rows => new StepShape([.. rows.Select(row => row.Ids.Length)], rows.Sum(row => row.TargetCount)));

    /// <summary>The batch that takes most memory, padded, of those that <see cref="Shapes"/> looks at.</summary>
    /// <inheritdoc cref="Shapes"/>
    public Batch Largest(CancellationToken cancellation) =>
        Batch.Of(Hidden(Looked(cancellation).MaxBy(rows => (long)rows.Length * rows.Max(row => row.Ids.Length))!, step: 0, batch: 0), padding);

    /// <summary>The steps to the end of this part, each made ahead on another thread.</summary>
    /// <param name="done">Steps to leave out at the start.</param>
    public IEnumerable<TrainingStepBatches> After(int done) => Prefetch.Ahead(
        Rows().Take(End).Skip(done).Select((step, index) => (Number: done + index + 1, step.Epoch, step.Batches)),
        step => new TrainingStepBatches(step.Number, step.Epoch, Learned(step.Batches).Select((rows, batch) => Batch.Of(Hidden(rows, step.Number, batch), padding))),
        StepsAhead);

    // Without the usual sum, which leaves the range of an int: all rows in one batch is [int]::MaxValue.
    private static int Parts(int count, int size) => (count / size) + (count % size == 0 ? 0 : 1);

    /// <summary>The examples of a step's batches. Rows with nothing to learn are left out; a step of none but those has the next row that has.</summary>
    private TrainingExample[][] Learned(int[][] batches)
    {
        TrainingExample[][] found = [.. batches.Select(Examples).Where(rows => rows.Length > 0)];
        return found.Length > 0 ? found : [[Next(batches[^1][^1])]];
    }

    /// <summary>The rows with tokens hidden, where that is the task: others in each step, by the seed.</summary>
    private TrainingExample[] Hidden(TrainingExample[] rows, int step, int batch)
    {
        if (dataset.Masking is not TokenMasking masking)
        {
            return rows;
        }

        // One number for each row of the run: the next of a sequence that the seed, the step and the batch begin.
        SplitMix64 keys = new(new SplitMix64((ulong)options.Seed).Next() ^ (((ulong)step << 32) | (uint)batch));
        return [.. rows.Select(row => masking.Apply(row, keys.Next()))];
    }

    private TrainingExample[] Examples(IEnumerable<int> rows) => [.. rows.Select(dataset.Example).OfType<TrainingExample>()];

    /// <summary>The next row after one that has anything to learn, of which every dataset has one.</summary>
    private TrainingExample Next(int row) =>
        Enumerable.Range(1, dataset.Count).Select(step => dataset.Example((int)((row + (long)step) % dataset.Count))).OfType<TrainingExample>().First();

    private IEnumerable<TrainingExample[]> Looked(CancellationToken cancellation)
    {
        int seen = Math.Max(StepsPerEpoch, BatchesLookedAt / Math.Min(options.GradientAccumulation, BatchesPerEpoch));
        IEnumerable<int[][]> steps = Rows().Take(Math.Min(Total, seen)).Select(step => step.Batches);
        IEnumerable<int[]> batches = steps.SelectMany(step => step);
        if (Total > seen)
        {
            // Whatever order comes later, no batch has more tokens, or more that are learned.
            batches = batches.Append(Highest(dataset.MostTokens));
            batches = dataset.IsEncoded ? batches.Append(Highest(row => dataset.Example(row)!.TargetCount)) : batches;
        }

        bool isAnyLearned = false;
        foreach (int[] batch in dataset.IsEncoded ? batches : Longest(dataset, batches, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            if (Examples(batch) is [_, ..] rows)
            {
                isAnyLearned = true;
                yield return rows;
            }
        }

        // A few steps may have no row with anything to learn: then each has the next one.
        foreach (int[][] step in isAnyLearned ? [] : steps)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Learned(step)[0];
        }
    }

    private int[] Highest(Func<int, int> size) =>
        [.. Enumerable.Range(0, dataset.Count).OrderByDescending(size).SelectMany(row => Enumerable.Repeat(row, dataset.Epoch.Most(row))).Take(options.BatchSize)];

    /// <summary>The batches with the most tokens by their bytes, and those with the most work of attention, of those with anything to learn.</summary>
    internal static IEnumerable<int[]> Longest(Dataset dataset, IEnumerable<int[]> batches, CancellationToken cancellation)
    {
        PriorityQueue<int[], double> tokens = new(), squares = new();
        foreach (int[] batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            Keep(tokens, batch, batch.Sum(row => (double)dataset.MostTokens(row)));
            Keep(squares, batch, batch.Sum(row => Math.Pow(dataset.MostTokens(row), 2)));
        }

        return tokens.UnorderedItems.Concat(squares.UnorderedItems).Select(item => item.Element);

        void Keep(PriorityQueue<int[], double> largest, int[] batch, double size)
        {
            bool isFull = largest.Count == BatchesEncoded;
            bool isLarge = !isFull || (largest.TryPeek(out _, out double least) && size > least);

            // Asked of large ones alone, since their rows are encoded for it. Of rows with nothing to learn the longest may be any number.
            if (!isLarge || !batch.Any(row => dataset.Example(row) is not null))
            {
                return;
            }

            if (isFull)
            {
                largest.Dequeue();
            }

            largest.Enqueue(batch, size);
        }
    }

    /// <summary>The rows of each step's batches, without end.</summary>
    private IEnumerable<(double Epoch, int[][] Batches)> Rows()
    {
        for (int epoch = 0; ; epoch++)
        {
            // By seed and epoch alone: a resumed run has the same order without having drawn the earlier ones.
            BatchOrder order = new(dataset.Epoch, options.Seed, epoch);
            int begun = 0;

            // Steps end with their epoch: the last may have fewer batches, and the loss by tokens keeps their weights right.
            foreach (int[][] batches in order.Batches(options.BatchSize).Chunk(options.GradientAccumulation))
            {
                begun++;
                yield return (epoch + ((double)begun / StepsPerEpoch), batches);
            }
        }
    }
}
