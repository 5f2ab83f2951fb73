using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>Keeps a run's state on disk: every so many steps, and when the run is stopped.</summary>
/// <param name="folder">Where the adapter will go.</param>
/// <param name="every">Steps from one writing to the next.</param>
/// <param name="adapter">The adapter that is trained.</param>
/// <param name="optimizer">Its optimiser.</param>
/// <param name="scaling">The scaling of the loss; null for none.</param>
/// <param name="first">Steps done before.</param>
/// <param name="evaluations">The run's.</param>
/// <param name="identity">What the run is.</param>
internal sealed class TrainingStateKeeper(
    string folder,
    int every,
    AttachedAdapter adapter,
    AdamW optimizer,
    LossScaling? scaling,
    int first,
    RunEvaluations evaluations,
    IReadOnlyDictionary<string, string> identity)
{
    // As of the last whole step; a step that is given up has drawn from the generator.
    private TensorData randomness = adapter.Randomness(nameof(TrainingState.Generator));
    private int steps = first;

    /// <summary>Notes a step that is done.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void OnStep(int step)
    {
        steps = step;
        randomness = adapter.Randomness(nameof(TrainingState.Generator));

        // Counted from the run's first step, also after a resume, so that the same steps are written.
        if (step % every == 0)
        {
            Write();
        }
    }

    /// <summary>Writes the state of a run whose steps have been stopped.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void OnStop(LoraStopReason reason)
    {
        // After a loss that is not finite the state stays that of the last writing: from the present one the same step would come again.
        if (reason is LoraStopReason.Cancelled or LoraStopReason.OutOfMemory or LoraStopReason.DataFailed)
        {
            Write();
        }
    }

    /// <summary>Writes the state as of the last whole step.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void Write() => TrainingStateFile.Write(folder, new(
        steps,
        optimizer.Steps,
        scaling?.Scale,
        AdapterTensors.Copy(nameof(TrainingState.Values), adapter.Arena.Values),
        AdapterTensors.Copy(nameof(TrainingState.Mean), optimizer.Mean),
        AdapterTensors.Copy(nameof(TrainingState.Variance), optimizer.Variance),
        randomness,
        evaluations.State,
        identity));
}
