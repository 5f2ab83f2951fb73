namespace Lora.Adapters;

/// <summary>What the methods of combination have in common.</summary>
internal static class CombinationMethods
{
    /// <summary>Whether the products are combined and decomposed again, in place of the factors.</summary>
    public static bool IsDecomposed(this CombinationMethod method) => method is CombinationMethod.Svd or CombinationMethod.TiesSvd
        or CombinationMethod.DareLinearSvd or CombinationMethod.DareTiesSvd or CombinationMethod.MagnitudePruneSvd;

    /// <summary>Whether the majority's sign decides.</summary>
    public static bool ElectsSign(this CombinationMethod method) => method is CombinationMethod.Ties or CombinationMethod.TiesSvd
        or CombinationMethod.DareTies or CombinationMethod.DareTiesSvd;

    /// <summary>Whether values are dropped at random.</summary>
    public static bool DropsAtRandom(this CombinationMethod method) => method is CombinationMethod.DareLinear or CombinationMethod.DareLinearSvd
        or CombinationMethod.DareTies or CombinationMethod.DareTiesSvd;

    /// <summary>Whether the smallest values are dropped.</summary>
    public static bool DropsSmallest(this CombinationMethod method) => method is CombinationMethod.Ties or CombinationMethod.TiesSvd
        or CombinationMethod.MagnitudePrune or CombinationMethod.MagnitudePruneSvd;
}
