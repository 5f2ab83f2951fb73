namespace Lora;

/// <summary>How adapters are combined; the names are PEFT's combination_type without underscores.</summary>
public enum CombinationMethod
{
    /// <summary>The exact weighted sum, Σ w s B A, at the sum of the ranks.</summary>
    Cat,

    /// <summary>The weighted sum, truncated to a rank by singular values.</summary>
    Svd,

    /// <summary>A and B summed apart, which adds products of one adapter's A with another's B; the ranks have to be equal.</summary>
    Linear,

    /// <summary>As <see cref="Linear"/>, with TIES: small values dropped, the majority's sign, the mean of those that have it (arXiv 2306.01708).</summary>
    Ties,

    /// <summary>As <see cref="Linear"/>, with DARE: values dropped at random, the others scaled up (arXiv 2311.03099).</summary>
    DareLinear,

    /// <summary>As <see cref="Ties"/>, with values dropped at random as DARE drops them.</summary>
    DareTies,

    /// <summary>As <see cref="Linear"/>, with small values dropped.</summary>
    MagnitudePrune,

    /// <summary>TIES on the products s B A, truncated to a rank.</summary>
    TiesSvd,

    /// <summary>DARE on the products, truncated to a rank.</summary>
    DareLinearSvd,

    /// <summary>TIES with DARE's dropping on the products, truncated to a rank.</summary>
    DareTiesSvd,

    /// <summary>The sum of products without their small values, truncated to a rank.</summary>
    MagnitudePruneSvd,
}
