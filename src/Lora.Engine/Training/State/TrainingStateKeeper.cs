using System.Diagnostics;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>Keeps a run's state on disk, every so many steps and when the run is stopped; or that of a pause in memory.</summary>
/// <param name="folder">Where the adapter will go; null for nowhere.</param>
/// <param name="options">How often it is written.</param>
/// <param name="loop">Trains it.</param>
/// <param name="checkpoints">The adapters that are kept beside it; null for none.</param>
/// <param name="adapter">The adapter that is trained.</param>
/// <param name="optimizer">Its optimiser.</param>
/// <param name="scaling">The scaling of the loss; null for none.</param>
/// <param name="first">Steps done before.</param>
/// <param name="evaluations">The run's.</param>
/// <param name="identity">What the run is.</param>
internal sealed class TrainingStateKeeper(
    string? folder,
    TrainingOptions options,
    TrainingLoop loop,
    AdapterCheckpoints? checkpoints,
    AttachedAdapter adapter,
    AdamW optimizer,
    LossScaling? scaling,
    int first,
    RunEvaluations evaluations,
    IReadOnlyDictionary<string, string> identity)
{
    private readonly Stopwatch sinceWritten = Stopwatch.StartNew();

    // As of the last whole step; a step that is given up has drawn from the generator.
    private TensorData randomness = adapter.Randomness(nameof(TrainingState.Generator));
    private int steps = first;

    /// <summary>The state where no folder has it; null before a pause.</summary>
    public TrainingState? Held { get; private set; }

    /// <summary>Whether the state of a step is to be written.</summary>
    public bool IsDue(int step) =>
        // Counted from the run's first step, also after a resume, so that the same steps are written.
        step % (options.SaveStep ?? int.MaxValue) == 0 || sinceWritten.Elapsed.TotalMinutes >= options.SaveMinute;

    /// <summary>Notes a step that is done.</summary>
    /// <param name="step">The step.</param>
    /// <param name="isWritten">Whether its state is written (<see cref="IsDue"/>).</param>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void OnStep(int step, bool isWritten)
    {
        steps = step;
        randomness = adapter.Randomness(nameof(TrainingState.Generator));
        if (isWritten)
        {
            // The adapter before the state: from an older state the same adapter comes again.
            try
            {
                checkpoints?.Write(step);
            }
            finally
            {
                Write();
            }

            checkpoints?.Prune(step);
        }
    }

    /// <summary>Removes adapters of earlier moments that are too many, as those of a process that was killed before it did.</summary>
    public void Prune() => checkpoints?.Prune(steps);

    /// <summary>Writes the state of a run whose steps have been stopped, or pause.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void OnStop(LoraStopReason reason)
    {
        // After a loss that is not finite the state stays that of the last writing: from the present one the same step would come again.
        if (reason is LoraStopReason.Cancelled or LoraStopReason.OutOfMemory or LoraStopReason.DataFailed
            || (options.PauseDivisor is not null && reason != LoraStopReason.NotFinite))
        {
            Write();
        }
    }

    /// <summary>Writes the state as of the last whole step.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void Write()
    {
        TrainingState state = State();
        if (folder is null)
        {
            Held = state;
            return;
        }

        TrainingStateFile.Write(folder, state);
        sinceWritten.Restart();
    }

    private TrainingState State() => new(
        steps,
        optimizer.Steps,
        loop.Counts,
        scaling?.Scale,
        AdapterTensors.Copy(nameof(TrainingState.Values), adapter.Arena.Values),
        AdapterTensors.Copy(nameof(TrainingState.Mean), optimizer.Mean),
        AdapterTensors.Copy(nameof(TrainingState.Variance), optimizer.Variance),
        randomness,
        evaluations.State,
        identity);
}
