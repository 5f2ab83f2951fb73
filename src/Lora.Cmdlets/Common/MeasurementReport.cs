namespace Lora.Commands;

/// <summary>Shows measuring in the shell: what any work shows, and each measurement as it is done.</summary>
/// <param name="worker">Carries what is said to the pipeline's thread.</param>
internal sealed class MeasurementReport(PipelineWorker worker) : WorkReport(worker), IMeasurementObserver
{
    /// <inheritdoc/>
    public void OnMeasured(LoraMeasurement done) => Worker.Write(new PipelineRecord.Output(done));
}
