using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>Takes the evaluations of one run: of every validation set, one after another.</summary>
/// <param name="engine">Computes the losses.</param>
/// <param name="sets">The validation sets; none gives no evaluation.</param>
/// <param name="batchSize">Rows in one forward pass.</param>
/// <param name="observer">Told of each batch.</param>
/// <param name="cancellation">Checked before each batch.</param>
internal sealed class RunEvaluator(
    IStepEngine engine, IReadOnlyList<LoadedValidation> sets, int batchSize, IRunObserver observer, CancellationToken cancellation)
{
    /// <summary>Evaluates the adapter as it is now.</summary>
    /// <param name="when">Goes on what is shown, for example <c>before the first step</c>.</param>
    /// <param name="step">Steps that are done.</param>
    /// <param name="only">The number of the one set to evaluate; null for all.</param>
    /// <returns>One evaluation for each set, in their order.</returns>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    public IReadOnlyList<LoraEvaluation> Evaluate(string when, int step, int? only = null)
    {
        LoadedValidation[] asked = [.. sets.Where((_, number) => number == (only ?? number))];
        int batches = asked.Sum(set => Evaluator.Batches(set.Dataset, batchSize));
        int done = 0;
        return [.. asked.Select(Of)];

        LoraEvaluation Of(LoadedValidation set)
        {
            string stage = sets.Count == 1 ? $"Evaluating {when}" : $"Evaluating '{set.Name}' {when}";
            observer.OnStage(stage);
            Report();
            LoraEvaluation evaluation = Evaluator.Evaluate(engine, set.Dataset, batchSize, cancellation, OnBatch);
            return evaluation with { Name = set.Name, Step = step };

            void OnBatch()
            {
                done++;
                Report();
            }

            void Report() => observer.Report(new(stage, done, batches, WorkUnit.Batch));
        }
    }
}

/// <summary>A validation set in the model's tokens.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dataset">Its rows.</param>
internal sealed record LoadedValidation(string Name, Dataset Dataset);
