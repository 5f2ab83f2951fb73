namespace Lora;

/// <summary>What an adapter, or several together, do to the loss on a dataset; or what a model without any says of it.</summary>
public sealed class LoraMeasurement
{
    /// <summary>The adapter's folder, or what it is when it is in memory only; several are joined by <c> + </c>; without an adapter the model's folder.</summary>
    public string Name { get; init; } = "";

    /// <summary>The adapter; null when several were measured together, or none.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>The model's folder.</summary>
    public string Model { get; init; } = "";

    /// <summary>The block, or the module outside the blocks, whose adaptation was off; null when none was.</summary>
    public string? Without { get; init; }

    /// <summary>The number of that block; null when it has none.</summary>
    public int? Layer { get; init; }

    /// <summary>Mean cross-entropy of the supervised tokens under the adapted model, in nats.</summary>
    public double Loss { get; init; }

    /// <inheritdoc cref="LoraEvaluation.Perplexity"/>
    public double Perplexity { get; init; }

    /// <summary>The share of the supervised tokens that the adapted model holds for the likeliest, or of the texts or words whose labels are right, from 0 to 1; NaN for regressions.</summary>
    public double Accuracy { get; init; }

    /// <inheritdoc cref="LoraEvaluation.MacroF1"/>
    public double? MacroF1 { get; init; }

    /// <inheritdoc cref="LoraEvaluation.MeanSquaredError"/>
    public double? MeanSquaredError { get; init; }

    /// <inheritdoc cref="LoraEvaluation.Pearson"/>
    public double? Pearson { get; init; }

    /// <inheritdoc cref="LoraEvaluation.ChoiceAccuracy"/>
    public double? ChoiceAccuracy { get; init; }

    /// <inheritdoc cref="LoraEvaluation.ChoiceAccuracyNormalized"/>
    public double? ChoiceAccuracyNormalized { get; init; }

    /// <inheritdoc cref="LoraEvaluation.ChoiceCount"/>
    public long ChoiceCount { get; init; }

    /// <inheritdoc cref="LoraEvaluation.Score"/>
    public string Score { get; init; } = "";

    /// <summary>The loss of the base model.</summary>
    public double BaseLoss { get; init; }

    /// <summary>The accuracy of the base model.</summary>
    public double BaseAccuracy { get; init; }

    /// <summary>The <see cref="ChoiceAccuracy"/> of the base model.</summary>
    public double? BaseChoiceAccuracy { get; init; }

    /// <summary>The <see cref="ChoiceAccuracyNormalized"/> of the base model.</summary>
    public double? BaseChoiceAccuracyNormalized { get; init; }

    /// <summary>Loss - BaseLoss: below zero where the adapter helps, zero without one.</summary>
    public double LossChange { get; init; }

    /// <summary>By how much the loss rises when the adaptation of <see cref="Without"/> is off; null when nothing was switched off.</summary>
    public double? LossRise { get; init; }

    /// <summary>Tokens that the loss was taken over.</summary>
    public long SupervisedToken { get; init; }

    /// <summary>Modules whose adaptation was on.</summary>
    public int ModuleCount { get; init; }

    /// <summary>Continuations of the prompts by the base and the adapted model.</summary>
    public LoraSample[] Sample { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() =>
        FormattableString.Invariant($"{Name}{(Without is null ? "" : $" without {Without}")}: loss {Loss:F4}")
        + (ModuleCount == 0 ? "" : FormattableString.Invariant($", {LossChange:+0.0000;-0.0000} against the base"));
}
