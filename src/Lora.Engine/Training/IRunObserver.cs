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

/// <summary>Is told how a training goes, on the thread that trains. A failure is one after the training; the result is still given.</summary>
public interface ITrainingObserver : IRunObserver
{
    /// <summary>An optimiser step is done.</summary>
    void OnStep(LoraTrainingStep done);
}

/// <summary>How far a work is that goes through the parts of a model.</summary>
/// <param name="Done">Parts done.</param>
/// <param name="Total">All parts; more than zero.</param>
/// <param name="Status">The part that was done last, for example a module's name.</param>
public sealed record WorkProgress(long Done, long Total, string Status);
