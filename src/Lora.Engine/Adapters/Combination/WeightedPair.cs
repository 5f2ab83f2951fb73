namespace Lora.Adapters;

/// <summary>One adapter's part in a module, with its weight in the combination.</summary>
internal sealed record WeightedPair(FactorPair Pair, double Weight)
{
    /// <summary>w · s, the factor of B A.</summary>
    public double Factor => Weight * Pair.Scaling;
}
