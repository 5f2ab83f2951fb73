namespace Lora;

/// <summary>Is told how measuring goes, on the thread that measures. A failure is that of one adapter, which is left out.</summary>
public interface IMeasurementObserver : IRunObserver
{
    /// <summary>A batch of rows went through the model.</summary>
    /// <param name="done">Batches done, of all evaluations that the adapter needs.</param>
    /// <param name="total">All batches.</param>
    void OnBatch(int done, int total);

    /// <summary>A measurement is done.</summary>
    void OnMeasured(LoraMeasurement done);
}
