using Lora.Models;

namespace Lora;

/// <summary>What a model says of rows that it was not trained on.</summary>
public sealed record LoraEvaluation
{
    /// <summary>The rows' name (<see cref="ValidationSet.Name"/>).</summary>
    public string Name { get; init; } = "";

    /// <summary>Steps of the run that were done; 0 before the first.</summary>
    public int Step { get; init; }

    /// <summary>Mean cross-entropy of the supervised tokens, in nats.</summary>
    public double Loss { get; init; }

    /// <summary>exp(Loss).</summary>
    public double Perplexity { get; init; }

    /// <summary>The share of the supervised tokens that the model holds for the likeliest, each after the true tokens before it; from 0 to 1.</summary>
    public double Accuracy { get; init; }

    /// <summary>Tokens that loss and accuracy were taken over.</summary>
    public long SupervisedToken { get; init; }

    /// <summary>Of the sums over so many tokens.</summary>
    internal static LoraEvaluation Of(LossSum sum, long supervisedTokens)
    {
        double loss = sum.Loss / supervisedTokens;
        return new() { Loss = loss, Perplexity = Math.Exp(loss), Accuracy = (double)sum.Hits / supervisedTokens, SupervisedToken = supervisedTokens };
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"loss {Loss:F4}, perplexity {Perplexity:F2}, accuracy {100 * Accuracy:F1}%");
}
