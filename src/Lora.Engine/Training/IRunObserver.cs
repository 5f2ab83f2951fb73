namespace Lora;

/// <summary>Is told how work on a model goes, on the thread that does it.</summary>
public interface IRunObserver
{
    /// <summary>A new stage begins: reading, loading, evaluating, training, writing.</summary>
    void OnStage(string text);

    /// <summary>Something that the user should know and that does not stop the work.</summary>
    void OnWarning(string text);

    /// <summary>Something failed that does not end the work.</summary>
    void OnFailure(LoraException failure);
}
