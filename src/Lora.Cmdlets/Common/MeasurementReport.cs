namespace Lora.Commands;

/// <summary>Shows measuring in the shell: a progress bar, warnings, adapters that do not fit as errors, and each measurement as it is done.</summary>
/// <param name="worker">Carries what is said to the pipeline's thread.</param>
internal sealed class MeasurementReport(PipelineWorker worker) : IMeasurementObserver, IDisposable
{
    private const int ActivityId = 1704;

    private readonly ProgressReporter progress =
        new(record => worker.Write(new PipelineRecord.Progress(record)), ActivityId, "Measuring LoRA adapter", TimeProvider.System);

    private string stage = "";

    /// <inheritdoc/>
    public void OnStage(string text)
    {
        stage = text;
        worker.Write(new PipelineRecord.Verbose(text));
    }

    /// <inheritdoc/>
    public void OnWarning(string text) => worker.Write(new PipelineRecord.Warning(text));

    /// <inheritdoc/>
    public void OnFailure(LoraException failure) => worker.Write(new PipelineRecord.Failure(failure));

    /// <inheritdoc/>
    public void OnBatch(int done, int total) => progress.Report(done, total, stage);

    /// <inheritdoc/>
    public void OnMeasured(LoraMeasurement done) => worker.Write(new PipelineRecord.Output(done));

    /// <inheritdoc/>
    public void Dispose() => progress.Dispose();
}
