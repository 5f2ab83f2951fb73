using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>What the memory of an evaluation hangs on.</summary>
internal static class EvaluationShapes
{
    /// <summary>
    /// Its batches, and its questions, each of which is a pass over what its choices begin with and one over each behind it. Of a dataset that is not encoded yet
    /// the batches of most bytes.
    /// </summary>
    /// <param name="dataset">The rows.</param>
    /// <param name="batchSize">Rows in one forward pass.</param>
    /// <param name="sharesBeginnings">Whether what choices begin with is computed once.</param>
    /// <param name="cancellation">Checked for each batch.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IEnumerable<StepShape> Of(Dataset dataset, int batchSize, bool sharesBeginnings, CancellationToken cancellation)
    {
        IEnumerable<int[]> batches = Enumerable.Range(0, dataset.Count).Chunk(batchSize);
        foreach (int[] batch in dataset.IsEncoded ? batches : TrainingSteps.Longest(dataset, batches, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            TrainingExample[] rows = [.. batch.Select(dataset.Example).OfType<TrainingExample>()];
            if (rows.Where(row => row.Choices is null).ToArray() is { Length: > 0 } plain)
            {
                yield return Shape(plain);
            }

            foreach (StepShape shape in rows.Select(row => row.Choices).OfType<ExampleChoices>().SelectMany(question => OfQuestion(question, sharesBeginnings)))
            {
                yield return shape;
            }
        }
    }

    private static IEnumerable<StepShape> OfQuestion(ExampleChoices question, bool sharesBeginnings) =>
        sharesBeginnings && SharedBeginning.Of(question.Each) is SharedBeginning beginning ? [beginning.Shape] : question.Each.Select(choice => Shape([choice]));

    private static StepShape Shape(TrainingExample[] rows) => new([.. rows.Select(row => row.Ids.Length)], rows.Sum(row => row.TargetCount));
}
