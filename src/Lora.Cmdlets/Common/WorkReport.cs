namespace Lora.Commands;

/// <summary>Shows work in the shell: its stages as verbose text and on the progress bar, warnings, and what failed without ending it as errors.</summary>
/// <param name="worker">Carries what is said to the pipeline's thread.</param>
internal class WorkReport(PipelineWorker worker) : IRunObserver
{
    /// <summary>Carries what is said to the pipeline's thread.</summary>
    protected PipelineWorker Worker { get; } = worker;

    /// <inheritdoc/>
    public void OnStage(string text) => Worker.Write(new PipelineRecord.Verbose(text));

    /// <inheritdoc/>
    public void OnWarning(string text) => Worker.Write(new PipelineRecord.Warning(text));

    /// <inheritdoc/>
    public virtual void OnFailure(LoraException failure) => Worker.Write(new PipelineRecord.Failure(failure));

    /// <inheritdoc/>
    public void Report(WorkProgress value) => Worker.Report(value);
}
