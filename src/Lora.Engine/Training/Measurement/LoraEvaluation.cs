namespace Lora;

/// <summary>The loss on rows that were not trained on.</summary>
public sealed record LoraEvaluation
{
    /// <summary>Mean cross-entropy of the supervised tokens, in nats.</summary>
    public double Loss { get; init; }

    /// <summary>exp(Loss).</summary>
    public double Perplexity { get; init; }

    /// <summary>Tokens that the loss was taken over.</summary>
    public long SupervisedToken { get; init; }

    /// <summary>Of a mean loss in nats.</summary>
    internal static LoraEvaluation Of(double loss, long supervisedTokens) => new() { Loss = loss, Perplexity = Math.Exp(loss), SupervisedToken = supervisedTokens };

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"loss {Loss:F4}, perplexity {Perplexity:F2}");
}
