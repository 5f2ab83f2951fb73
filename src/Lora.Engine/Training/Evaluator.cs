using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>Takes the loss over a dataset without learning from it.</summary>
internal static class Evaluator
{
    /// <summary>The mean loss of all supervised tokens, rows in the file's order.</summary>
    /// <param name="engine">Computes the loss.</param>
    /// <param name="dataset">The rows.</param>
    /// <param name="batchSize">Rows in one forward pass.</param>
    /// <param name="padding">The id that fills short rows.</param>
    /// <param name="cancellation">Checked before each batch.</param>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    public static LoraEvaluation Evaluate(IStepEngine engine, Dataset dataset, int batchSize, int padding, CancellationToken cancellation)
    {
        double sum = 0;
        long count = 0;
        foreach (TrainingExample[] rows in dataset.Examples.Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            Batch batch = Batch.Of(rows, padding);
            SupervisedRows supervised = SupervisedRows.Of(batch);
            sum += engine.SumLoss(batch, supervised);
            count += supervised.Count;
        }

        return LoraEvaluation.Of(sum / count, count);
    }
}
