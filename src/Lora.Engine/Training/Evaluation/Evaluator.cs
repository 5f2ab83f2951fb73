using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>Takes loss and accuracy over a dataset without learning from it.</summary>
internal static class Evaluator
{
    /// <summary>How many forward passes an evaluation takes.</summary>
    public static int Batches(Dataset dataset, int batchSize) => (int)((dataset.Count + (long)batchSize - 1) / batchSize);

    /// <summary>The mean loss and the scores of all supervised tokens, or of labels, rows in the file's order.</summary>
    /// <param name="engine">Computes the loss.</param>
    /// <param name="dataset">The rows.</param>
    /// <param name="batchSize">Rows in one forward pass.</param>
    /// <param name="cancellation">Checked before each batch.</param>
    /// <param name="onBatch">Called after each batch.</param>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    public static LoraEvaluation Evaluate(IStepEngine engine, Dataset dataset, int batchSize, CancellationToken cancellation, Action? onBatch = null)
    {
        LossSum sum = default;
        long count = 0;
        ChoiceTally choices = default;
        SplitMix64 keys = new(0);

        // What is hidden hangs on the row's place alone, so that each evaluation asks the same.
        foreach (TrainingExample?[] batch in dataset.Rows().Chunk(batchSize))
        {
            // A row that is left out leaves its batch smaller and all others as they were planned.
            TrainingExample[] rows = [.. batch.OfType<TrainingExample>().Select(row => dataset.Masking?.Apply(row, keys.Next()) ?? row)];
            cancellation.ThrowIfCancellationRequested();
            // Sums, divided once at the end: the figure does not hang on the size of batches.
            if (rows.Where(row => row.Choices is null).ToArray() is { Length: > 0 } plain)
            {
                (LossSum losses, int places) = Sum(engine, plain);
                sum += losses;
                count += places;
            }

            foreach (ExampleChoices question in rows.Select(row => row.Choices).OfType<ExampleChoices>())
            {
                cancellation.ThrowIfCancellationRequested();

                // The question once; what a choice's likelihood is does not hang on the others'.
                IReadOnlyList<LossSum> each = engine.SumEach(question.Each);
                sum += each[question.Answer];
                count += question.Each[question.Answer].TargetCount;
                choices += ChoiceTally.Of(question, [.. each.Select(choice => -choice.Loss)]);
            }

            onBatch?.Invoke();
        }

        return LoraEvaluation.Of(sum, count, dataset.Labels, choices);
    }

    private static (LossSum Sum, int Count) Sum(IStepEngine engine, TrainingExample[] rows)
    {
        Batch batch = Batch.Of(rows, Batch.Padding);
        SupervisedRows supervised = SupervisedRows.Of(batch);
        return (engine.SumLoss(batch, supervised), supervised.Count);
    }
}
