using Lora.Training;

namespace Lora;

/// <summary>A finished run: the adapter and how it came about.</summary>
public sealed class LoraTrainingResult
{
    /// <summary>The trained adapter. Another run that the result is piped into goes on from it.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>The configuration that was trained.</summary>
    public LoraConfig? Config { get; init; }

    /// <summary>The model's folder.</summary>
    public string Model { get; init; } = "";

    /// <summary>Why the run ended.</summary>
    public LoraStopReason StopReason { get; init; }

    /// <summary>One record a step.</summary>
    public LoraTrainingStep[] History { get; init; } = [];

    /// <summary>Steps that were done.</summary>
    public int StepCount => History.Length;

    /// <summary>The first validation set's evaluation before the first step; null without a validation set.</summary>
    public LoraEvaluation? Before { get; init; }

    /// <summary>The first validation set's evaluation of the adapter that is the result; null without a validation set.</summary>
    public LoraEvaluation? After { get; init; }

    /// <summary>All evaluations, of every validation set, in the order in which they were taken.</summary>
    public LoraEvaluation[] Evaluation { get; init; } = [];

    /// <summary>The step after which the loss of the validation set was lowest; null where none was evaluated on the way.</summary>
    public int? BestStep { get; init; }

    /// <summary>Continuations of the prompts by the base and the adapted model.</summary>
    public LoraSample[] Sample { get; init; } = [];

    /// <summary>What was read, file by file, and what befell the rows: cut, left out, and all else that the warnings say.</summary>
    public LoraDataReport[] Data { get; init; } = [];

    /// <summary>Modules that were adapted.</summary>
    public int ModuleCount { get; init; }

    /// <summary>Values that were trained.</summary>
    public long TrainableParameter { get; init; }

    /// <summary>Tokens per second over all steps.</summary>
    public double TokenPerSecond { get; init; }

    /// <summary>The process's largest resident memory so far, in bytes.</summary>
    public long PeakMemory { get; init; }

    /// <summary>The memory that was planned for; null when autograd trained, whose memory cannot be told before.</summary>
    public LoraMemoryPlan? MemoryPlan { get; init; }

    /// <summary>Time of the whole run: reading, loading (of the first run that uses a model), evaluating, training, writing.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Time from the first step to the last, the part of <see cref="Elapsed"/> that <see cref="TokenPerSecond"/> is taken over.</summary>
    public TimeSpan TrainingElapsed { get; init; }

    /// <summary>The device that trained, for example <c>cpu</c>.</summary>
    public string Device { get; init; } = "";

    /// <summary>The folder that the adapter was written to; null when none was asked for.</summary>
    public string? AdapterPath { get; init; }

    /// <summary>
    /// What failed and took nothing from the adapter, as messages: a step without a finite loss or without memory, what could not be written, an evaluation.
    /// </summary>
    public string[] Failure { get; init; } = [];

    /// <summary>What a point of a sweep without a folder goes on from; null where it ended, or where a folder has it.</summary>
    internal TrainingState? State { get; init; }

    /// <summary>Steps of the whole run that are done, with those of earlier processes.</summary>
    internal int Done { get; init; }

    /// <summary>Steps of the whole run.</summary>
    internal int Total { get; init; }

    /// <summary>The evaluation of every validation set of the adapter that is the result, in their order; none without one.</summary>
    internal IReadOnlyList<LoraEvaluation> Ended { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"{StopReason} after {StepCount} {(StepCount == 1 ? "step" : "steps")}{(BestStep is int best ? $", best after step {best}" : "")}{((After ?? Before) is LoraEvaluation loss ? $": {loss}" : "")}");
}

/// <summary>Why a run ended.</summary>
public enum LoraStopReason
{
    /// <summary>All steps were done.</summary>
    Completed,

    /// <summary>A part of its steps was done, as the rung of a sweep asks for; its state is kept, and it may be gone on with.</summary>
    Paused,

    /// <summary>The loss of the validation set had not become lower for as many evaluations as the run had patience for.</summary>
    EarlyStopped,

    /// <summary>The user stopped it; the adapter is that of the last whole step.</summary>
    Cancelled,

    /// <summary>The loss or a gradient was not finite; the adapter is that of the step before.</summary>
    NotFinite,

    /// <summary>A batch found no memory; the adapter is that of the step before.</summary>
    OutOfMemory,

    /// <summary>A row of a large dataset could not be read or encoded; the adapter is that of the step before.</summary>
    DataFailed,
}

/// <summary>How the base model and the adapted model continue one prompt, greedily.</summary>
public sealed class LoraSample
{
    /// <summary>The text that was given.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>The base model's continuation.</summary>
    public string Base { get; init; } = "";

    /// <summary>The adapted model's continuation.</summary>
    public string Adapted { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => $"{Prompt} -> {Adapted}";
}
