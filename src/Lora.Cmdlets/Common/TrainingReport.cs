using System.Globalization;

namespace Lora.Commands;

/// <summary>
/// Shows a run in the shell: what any work shows, steps as objects when they were asked for, and a last word should it be stopped. Errors come after
/// the result: under -ErrorAction Stop the first of them ends the pipeline, which must not take the trained adapter with it.
/// </summary>
internal sealed class TrainingReport : WorkReport, ITrainingObserver
{
    private readonly bool passThruStep;
    private readonly TrainingOptions options;
    private readonly List<LoraException> failures = [];
    private string steps = "";
    private bool hasStepsLeft;
    private int lastStep;

    /// <param name="worker">Carries what is said to the pipeline's thread.</param>
    /// <param name="options">How the run trains.</param>
    /// <param name="passThruStep">Whether each step is given as an object.</param>
    public TrainingReport(PipelineWorker worker, TrainingOptions options, bool passThruStep)
        : base(worker)
    {
        this.options = options;
        this.passThruStep = passThruStep;
        Worker.LastWord = options.Resume && options.OutputPath is not null
            ? $"Training was stopped before a step of this run was done: '{options.OutputPath}' is as it was."
            : "Training was stopped before its first step: there is no adapter.";
    }

    /// <summary>Trains, gives the result, and then says what failed.</summary>
    public void Give(Func<LoraTrainingResult> train)
    {
        LoraTrainingResult? result = null;
        try
        {
            result = train();
            Worker.Write(new PipelineRecord.Output(result));
        }
        finally
        {
            failures.ForEach(failure => Worker.Write(new PipelineRecord.Failure(failure, result)));
        }
    }

    /// <inheritdoc/>
    public void OnStep(LoraTrainingStep done)
    {
        hasStepsLeft = done.Step < done.TotalStep;
        lastStep = done.Step;
        steps = string.Create(CultureInfo.InvariantCulture, $"Training was stopped after step {done.Step} of {done.TotalStep}");
        Worker.LastWord = options.OutputPath is null
            ? $"{steps}. Its adapter is lost: there was no -OutputPath to keep it in."
            : $"{steps}. Its adapter could not be written to '{options.OutputPath}'.";
        if (passThruStep)
        {
            Worker.Write(new PipelineRecord.Output(done));
        }
    }

    /// <inheritdoc/>
    public override void OnFailure(LoraException failure)
    {
        failures.Add(failure);
        if (hasStepsLeft && failure.Error == LoraError.OutputFailed)
        {
            // Hours may pass until the end: whoever makes room now has the next state written.
            OnWarning(failure.Message);
        }

        Worker.LastWord += $" {failure.Message}";
    }

    /// <inheritdoc/>
    public void OnWritten(string folder, int ofStep) =>
        Worker.LastWord = $"{steps}. The adapter of {(ofStep == lastStep ? "that step" : $"step {ofStep}, the best so far,")} is in '{folder}'{Resumable()}.";

    private string Resumable() => options.SaveStep is null && options.SaveMinute is null && !options.Resume ? "" : "; the same command with -Resume goes on from it";
}
