namespace Lora;

/// <summary>Is told how measuring goes, on the thread that measures. A failure is that of one adapter, which is left out.</summary>
public interface IMeasurementObserver : IRunObserver
{
    /// <summary>A measurement is done.</summary>
    void OnMeasured(LoraMeasurement done);
}
