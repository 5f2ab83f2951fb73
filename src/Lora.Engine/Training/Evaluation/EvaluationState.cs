using System.Text.Json.Serialization;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>What the evaluations of a run have come to so far; a part of its state. Each list has one evaluation a validation set, in their order.</summary>
internal sealed record EvaluationState
{
    /// <summary>Those before the first step.</summary>
    public IReadOnlyList<LoraEvaluation> Before { get; init; } = [];

    /// <summary>The last ones.</summary>
    public IReadOnlyList<LoraEvaluation> Last { get; init; } = [];

    /// <summary>Those of the adapter with the lowest loss; none before there was one.</summary>
    public IReadOnlyList<LoraEvaluation> Best { get; init; } = [];

    /// <summary>Evaluations since then.</summary>
    public int Stale { get; init; }

    /// <summary>The trained values of that adapter, [count]; null where they are not kept. A tensor of the state's file, and no text.</summary>
    [JsonIgnore]
    public TensorData? BestValues { get; init; }

    /// <summary>The step of the last evaluations; 0 for none or those before the first step.</summary>
    [JsonIgnore]
    public int LastStep => StepOf(Last) ?? 0;

    /// <summary>The step of the best adapter; null before there was one.</summary>
    [JsonIgnore]
    public int? BestStep => StepOf(Best);

    /// <summary>Whether it can be what it says: a file may have been changed.</summary>
    [JsonIgnore]
    public bool IsWhole =>
        Before is not null && Last is not null && Best is not null && Stale >= 0 && (BestValues is null || Best.Count > 0)
        && new[] { Before, Last, Best }.All(list => list.All(evaluation => evaluation is not null) && (list.Count == Before.Count || list.Count == 0));

    private static int? StepOf(IReadOnlyList<LoraEvaluation> evaluations) => evaluations is [LoraEvaluation first, ..] ? first.Step : null;
}
