namespace Lora;

/// <summary>
/// Is told how work on a model goes, on the thread that does it. Progress comes often, for each row of a dataset and each batch: who shows it, takes
/// the latest.
/// </summary>
public interface IRunObserver : IProgress<WorkProgress>
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

    /// <summary>The adapter is in its folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="ofStep">The step that it is of: the last whole one, or the best.</param>
    void OnWritten(string folder, int ofStep);
}

/// <summary>How far one stage of a work is.</summary>
/// <param name="Stage">What is done, for example "Loading weights".</param>
/// <param name="Done">Units done, with those of an earlier run that was resumed.</param>
/// <param name="Total">All units; null where that is not known before.</param>
/// <param name="Unit">What is counted.</param>
/// <param name="Item">What was done last, for example a module's name; null for nothing worth a word.</param>
public sealed record WorkProgress(string Stage, long Done, long? Total, WorkUnit Unit, string? Item = null);

/// <summary>What a stage of a work counts.</summary>
public enum WorkUnit
{
    /// <summary>Bytes of files.</summary>
    Byte,

    /// <summary>Rows of a dataset.</summary>
    Row,

    /// <summary>Batches of rows.</summary>
    Batch,

    /// <summary>Optimiser steps.</summary>
    Step,

    /// <summary>Tokens that a model says.</summary>
    Token,

    /// <summary>Prompts that a model goes on.</summary>
    Prompt,

    /// <summary>Modules of a model.</summary>
    Module,

    /// <summary>Parts of the trainings of a sweep's points.</summary>
    Part,
}
