using System.Globalization;
using System.Text.Json.Serialization;
using Lora.Data;
using Lora.Models;
using Lora.Training;

namespace Lora;

/// <summary>What a model says of rows that it was not trained on.</summary>
public sealed record LoraEvaluation
{
    /// <summary>The rows' name (<see cref="ValidationSet.Name"/>).</summary>
    public string Name { get; init; } = "";

    /// <summary>Steps of the run that were done; 0 before the first.</summary>
    public int Step { get; init; }

    /// <summary>Mean cross-entropy of the supervised tokens, in nats; of classifiers that of the labels, and of regressions the mean squared error.</summary>
    public double Loss { get; init; }

    /// <summary>exp(Loss) of a language model; NaN for all else.</summary>
    public double Perplexity { get; init; }

    /// <summary>
    /// The share of the supervised tokens that the model holds for the likeliest, each after the true tokens before it (of questions with choices those of the right one); of classifiers the share of the texts
    /// or words whose label, or all of whose labels, are right; from 0 to 1. NaN for regressions.
    /// </summary>
    public double Accuracy { get; init; }

    /// <summary>The mean over the labels of F1, the harmonic mean of precision and recall, from 0 to 1; labels that no row has and nobody predicts are left out of it. Null for
    /// all but classifiers.</summary>
    public double? MacroF1 { get; init; }

    /// <summary>Mean squared error of a regression; null for all else.</summary>
    public double? MeanSquaredError { get; init; }

    /// <summary>Pearson's correlation of predicted and true numbers, of several the mean; null for all but regressions, and where all numbers are equal.</summary>
    public double? Pearson { get; init; }

    /// <summary>
    /// The share of the questions with choices whose right choice has the highest sum of its tokens' log-likelihoods, from 0 to 1: <c>acc</c> of
    /// lm-evaluation-harness. Null where no row is such a question.
    /// </summary>
    public double? ChoiceAccuracy { get; init; }

    /// <summary>
    /// The same with each sum divided by the choice's length in characters (Unicode code points, as Python's len): <c>acc_norm</c> of
    /// lm-evaluation-harness (<c>ConfigurableTask.process_results</c>).
    /// </summary>
    public double? ChoiceAccuracyNormalized { get; init; }

    /// <summary>Questions with choices.</summary>
    public long ChoiceCount { get; init; }

    /// <summary>Tokens that loss and accuracy were taken over; of classifiers texts or words.</summary>
    public long SupervisedToken { get; init; }

    /// <summary>What tells most of it beside the loss, as text: the perplexity, F1, Pearson's correlation, or the accuracies of choices.</summary>
    [JsonIgnore]
    public string Score => Pearson is double correlation ? string.Create(CultureInfo.InvariantCulture, $"Pearson {correlation:F3}")
        : MacroF1 is double score ? string.Create(CultureInfo.InvariantCulture, $"F1 {100 * score:F1}%")
        : ChoiceAccuracy is double right ? string.Create(CultureInfo.InvariantCulture, $"acc {100 * right:F1}%, norm {100 * ChoiceAccuracyNormalized:F1}%")
        : double.IsNaN(Perplexity) ? "" : string.Create(CultureInfo.InvariantCulture, $"perplexity {Perplexity:N2}");

    /// <summary>Of the sums over so many places.</summary>
    internal static LoraEvaluation Of(LossSum sum, long places, LabelSet? labels, ChoiceTally choices = default)
    {
        double loss = sum.Loss / places;
        bool isRegression = labels?.Kind == LabelKind.Number;
        return new()
        {
            Loss = loss,
            Perplexity = labels is null ? Math.Exp(loss) : double.NaN,
            Accuracy = isRegression ? double.NaN : (double)sum.Hits / places,
            MacroF1 = sum.Scores?.MacroF1,
            MeanSquaredError = isRegression ? loss : null,
            Pearson = sum.Scores?.Pearson,
            SupervisedToken = places,
            ChoiceAccuracy = choices.Share(choices.Right),
            ChoiceAccuracyNormalized = choices.Share(choices.RightNormalized),
            ChoiceCount = choices.Questions,
        };
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"loss {Loss:F4}")
        + (double.IsNaN(Perplexity) ? "" : string.Create(CultureInfo.InvariantCulture, $", perplexity {Perplexity:F2}"))
        + (double.IsNaN(Accuracy) ? "" : string.Create(CultureInfo.InvariantCulture, $", accuracy {100 * Accuracy:F1}%"))
        + ((double.IsNaN(Perplexity) || ChoiceAccuracy is not null) && Score.Length > 0 ? ", " + Score : "");
}
