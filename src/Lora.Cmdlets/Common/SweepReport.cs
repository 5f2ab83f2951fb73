using System.Globalization;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Shows a sweep in the shell: two bars, of all trainings and of the one that goes on, each result as it is there, and failures with their points.</summary>
internal sealed class SweepReport : WorkReport, ISweepObserver
{
    private const string Activity = "LoRA sweep";

    private readonly string? folder;

    /// <param name="worker">Carries what is said to the pipeline's thread.</param>
    /// <param name="folder">The sweep's folder; null for none.</param>
    public SweepReport(PipelineWorker worker, string? folder)
        : base(worker)
    {
        this.folder = folder;
        Worker.LastWord = "The sweep was stopped before its first training.";
    }

    /// <inheritdoc/>
    public void OnPoint(SweepPoint point, SweepProgress progress)
    {
        string rung = progress.Rungs > 1 ? string.Create(CultureInfo.InvariantCulture, $"Rung {progress.Rung} of {progress.Rungs}") : "Points";
        Worker.ReportWhole(Activity, new(rung, progress.Done, progress.Total, WorkUnit.Part, point.Name));
        string stopped = string.Create(CultureInfo.InvariantCulture, $"The sweep was stopped in training {progress.Done + 1} of {progress.Total}, of point '{point.Name}'");
        Worker.LastWord = folder is null
            ? $"{stopped}. What was given before is all that is kept: there was no -OutputPath."
            : $"{stopped}; the same command with -Resume goes on, and trains no finished point again.";
    }

    /// <inheritdoc/>
    public void OnResult(LoraSweepResult result) => Worker.Write(new PipelineRecord.Output(result));

    /// <inheritdoc/>
    public void OnFailure(LoraSweepResult point, LoraException failure) => Worker.Write(new PipelineRecord.Failure(failure, point));

    /// <inheritdoc/>
    public void OnStep(LoraTrainingStep done)
    {
    }

    /// <inheritdoc/>
    public void OnWritten(string folder, int ofStep)
    {
    }
}
