using System.Globalization;

namespace Lora.Commands;

/// <summary>Shows a run in the shell: a progress bar with loss, speed and time left, warnings, and steps as objects when they were asked for.</summary>
internal sealed class TrainingReport : ITrainingObserver, IDisposable
{
    private const int ActivityId = 1703;

    private readonly PipelineWorker worker;
    private readonly bool passThruStep;
    private readonly ProgressReporter progress;

    /// <param name="worker">Carries what is said to the pipeline's thread.</param>
    /// <param name="passThruStep">Whether each step is given as an object.</param>
    public TrainingReport(PipelineWorker worker, bool passThruStep)
    {
        this.worker = worker;
        this.passThruStep = passThruStep;
        progress = new(record => worker.Write(new PipelineRecord.Progress(record)), ActivityId, "Training LoRA adapter", TimeProvider.System);
    }

    /// <inheritdoc/>
    public void OnStage(string text) => worker.Write(new PipelineRecord.Verbose(text));

    /// <inheritdoc/>
    public void OnWarning(string text) => worker.Write(new PipelineRecord.Warning(text));

    /// <inheritdoc/>
    public void OnFailure(LoraException failure) => worker.Write(new PipelineRecord.Failure(failure));

    /// <inheritdoc/>
    public void OnStep(LoraTrainingStep done)
    {
        progress.Report(done.Step, done.TotalStep, string.Create(
            CultureInfo.InvariantCulture,
            $"Step {done.Step} of {done.TotalStep}, loss {done.Loss:F4}, {done.TokenPerSecond:N0} tokens/s"));
        if (passThruStep)
        {
            worker.Write(new PipelineRecord.Output(done));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => progress.Dispose();
}
