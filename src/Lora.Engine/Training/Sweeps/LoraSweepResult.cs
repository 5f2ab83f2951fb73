using System.Collections;
using Lora.Training;

namespace Lora;

/// <summary>What came of one point of a sweep.</summary>
public sealed class LoraSweepResult
{
    /// <summary>What it is called, and its folder in that of the sweep.</summary>
    public string Name { get; init; } = "";

    /// <summary>The values that tell it from the other points, by the names of parameters.</summary>
    public IDictionary Parameter { get; init; } = new OrderedDictionary<string, object?>();

    /// <summary>The configuration that was trained.</summary>
    public LoraConfig? Config { get; init; }

    /// <summary>The model's folder.</summary>
    public string Model { get; init; } = "";

    /// <summary>How it ended.</summary>
    public LoraSweepOutcome Outcome { get; init; }

    /// <summary>The rung that it ended on, counted from 1; all points of a sweep without halving end on the first.</summary>
    public int Rung { get; init; }

    /// <summary>Steps that it was trained for.</summary>
    public int Step { get; init; }

    /// <summary>Steps of its whole run.</summary>
    public int TotalStep { get; init; }

    /// <summary>
    /// What points are compared by, in nats: the loss of the validation set or, without one, the training loss. NaN for a point that failed before it had any.
    /// Losses of one rung are of equal parts of a training; those of different rungs are not.
    /// </summary>
    public double Loss { get; init; } = double.NaN;

    /// <summary>exp(Loss); NaN for classifications and regressions, which have none.</summary>
    public double Perplexity => Evaluation?.Perplexity ?? (Config?.TaskType is "SEQ_CLS" or "TOKEN_CLS" ? double.NaN : Math.Exp(Loss));

    /// <summary>The mean loss of the last tenth of its steps.</summary>
    public double TrainingLoss { get; init; } = double.NaN;

    /// <summary>The evaluation of the validation set that points are compared by; null without one.</summary>
    public LoraEvaluation? Evaluation { get; init; }

    /// <summary>Continuations of the prompts by the base and the adapted model, of a point that was trained to its end.</summary>
    public LoraSample[] Sample { get; init; } = [];

    /// <summary>Tokens that went through the model while it learned, without padding.</summary>
    public long Token { get; init; }

    /// <summary>Time of its trainings, all parts together, with their evaluations.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>The adapter; null where its folder has it.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>The adapter's folder; null where the sweep has none.</summary>
    public string? Path { get; init; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Name}: loss {Loss:F4} after {Step} of {TotalStep} steps, {Outcome}");

    /// <summary>What there is of a point that has not begun.</summary>
    internal static LoraSweepResult Of(SweepPoint point, LoraSweepOutcome outcome) => new()
    {
        Name = point.Name,
        Parameter = point.Parameter,
        Config = point.Config,
        Model = point.Config.Model ?? "",
        Outcome = outcome,
    };
}

/// <summary>How a point of a sweep ended.</summary>
public enum LoraSweepOutcome
{
    /// <summary>All of its steps were done.</summary>
    Completed,

    /// <summary>Its loss had not become lower for as many evaluations as it had patience for.</summary>
    EarlyStopped,

    /// <summary>After a part of its steps other points were better and went on.</summary>
    Halved,

    /// <summary>It could not be trained, or not to its end; the error says why.</summary>
    Failed,
}
