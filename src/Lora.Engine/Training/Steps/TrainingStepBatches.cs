using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>The batches of one optimiser step.</summary>
internal sealed class TrainingStepBatches
{
    /// <param name="number">The step, counted from 1.</param>
    /// <param name="epoch">How far the run is after the step, in epochs.</param>
    /// <param name="batches">The batches whose gradients are added up.</param>
    public TrainingStepBatches(int number, double epoch, IEnumerable<Batch> batches)
    {
        Number = number;
        Epoch = epoch;

        // Supervised places are found here, on the thread that makes batches ahead.
        Batches = [.. batches.Select(batch => (batch, SupervisedRows.Of(batch)))];
        Tokens = Batches.Sum(entry => entry.Batch.Lengths.Sum(length => (long)length));
        SupervisedTokens = Batches.Sum(entry => (long)entry.Rows.Count);
    }

    /// <summary>The step, counted from 1.</summary>
    public int Number { get; }

    /// <summary>How far the run is after the step, in epochs.</summary>
    public double Epoch { get; }

    /// <summary>Each batch with the places that are learned.</summary>
    public IReadOnlyList<(Batch Batch, SupervisedRows Rows)> Batches { get; }

    /// <summary>Tokens without padding.</summary>
    public long Tokens { get; }

    /// <summary>Tokens that the loss is taken over; the loss is normalised by them over the whole step.</summary>
    public long SupervisedTokens { get; }
}
