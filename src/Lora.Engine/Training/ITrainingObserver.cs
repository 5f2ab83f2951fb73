namespace Lora;

/// <summary>Is told how a run goes, on the thread that trains.</summary>
public interface ITrainingObserver
{
    /// <summary>A new stage begins: reading, loading, evaluating, training, writing.</summary>
    void OnStage(string text);

    /// <summary>Something that the user should know and that does not stop the run.</summary>
    void OnWarning(string text);

    /// <summary>Something failed after the training; the result is still given.</summary>
    void OnFailure(LoraException failure);

    /// <summary>An optimiser step is done.</summary>
    void OnStep(LoraTrainingStep done);
}
