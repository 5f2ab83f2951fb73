namespace Lora;

/// <summary>Is told how a training goes, on the thread that trains. A failure is one after the training; the result is still given.</summary>
public interface ITrainingObserver : IRunObserver
{
    /// <summary>An optimiser step is done.</summary>
    void OnStep(LoraTrainingStep done);
}
