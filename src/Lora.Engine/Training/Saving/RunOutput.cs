using Lora.Adapters;

namespace Lora.Training;

/// <summary>What a run writes into its folder. Where the system refuses, the run goes on and its adapter, which is in memory, is not lost.</summary>
/// <param name="plan">What is done.</param>
/// <param name="options">Where it is written.</param>
/// <param name="observer">Who is told.</param>
internal sealed class RunOutput(TrainingPlan plan, TrainingOptions options, ITrainingObserver observer)
{
    /// <summary>What has kept files from being written so far, by the system's number: messages name another temporary file each time.</summary>
    private readonly HashSet<int> refusals = [];

    private readonly List<string> failures = [];
    private readonly MetricsFile? metrics = options.OutputPath is string folder ? new(folder, plan.State) : null;
    private bool isBegun;

    /// <summary>What failed and did not end the run, as messages.</summary>
    public IReadOnlyList<string> Failures => failures;

    /// <summary>Notes a failure that does not end the run: it goes into the result, and who watches is told at once.</summary>
    public void Fail(LoraException failure)
    {
        failures.Add(failure.Message);
        observer.OnFailure(failure);
    }

    /// <summary>Notes a step in the run's metrics.</summary>
    public void Note(LoraTrainingStep step) => Keep(() =>
    {
        if (!isBegun && plan.State is null && options.OutputPath is string place)
        {
            isBegun = true;
            AdapterCheckpoints.RemoveAll(place); // an earlier run's, which this one takes the place of
        }

        metrics?.Add(step);
    });

    /// <summary>Notes evaluations in the run's metrics.</summary>
    public void Note(IReadOnlyList<LoraEvaluation> evaluations) => Keep(() => metrics?.Add(evaluations));

    /// <summary>Writes or removes files; a refusal is told.</summary>
    public void Keep(Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            // A disk that is full ends neither the run nor the adapter in memory, and is told of once, not at each writing.
            if (refusals.Add((exception.InnerException ?? exception).HResult))
            {
                Fail(Named(exception));
            }
        }
    }

    /// <summary>Writes the adapter.</summary>
    /// <param name="trained">The adapter.</param>
    /// <param name="step">The step that it is of.</param>
    /// <returns>Its folder; null when none was asked for, or the system refused.</returns>
    public string? Write(LoraAdapter trained, int step)
    {
        if (options.OutputPath is not string folder)
        {
            return null;
        }

        try
        {
            observer.OnStage($"Writing '{folder}'");
            AdapterFolder.Save(trained, folder, options.Overwrite || plan.State is not null, observer.OnWarning, observer);
            observer.OnWritten(folder, step);
            return folder;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            // The adapter is still in the result: it can be exported elsewhere.
            Fail(Named(exception));
            return null;
        }
    }

    /// <summary>Removes the state of a run that is complete, once its adapter is in its place; where that could not be written, the state is.</summary>
    /// <param name="keeper">Writes the state; null where none is kept.</param>
    /// <param name="written">The adapter's folder; null where it could not be written.</param>
    /// <param name="isStateKept">Whether somebody else removes it.</param>
    public void End(TrainingStateKeeper? keeper, string? written, bool isStateKept)
    {
        // In this order a process that dies at any moment leaves the adapter or the state that it comes from.
        if (written is null && options.OutputPath is not null)
        {
            keeper?.Write();
        }
        else if (written is not null && !isStateKept && (keeper is not null || options.Overwrite))
        {
            TrainingStateFile.Remove(written); // also that of an earlier run, which was overwritten
        }
    }

    // OutputExists: the folder was free when the run was planned, and another adapter came into it meanwhile.
    private static bool IsRefusal(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or LoraException { Error: LoraError.OutputFailed or LoraError.OutputExists };

    private LoraException Named(Exception exception) =>
        exception as LoraException ?? LoraException.From(exception, LoraError.OutputFailed, options.OutputPath, options.OutputPath!, exception.Message);
}
