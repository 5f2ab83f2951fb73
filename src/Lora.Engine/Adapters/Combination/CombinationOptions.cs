namespace Lora;

/// <summary>How adapters are combined.</summary>
public sealed record CombinationOptions
{
    /// <summary>The method.</summary>
    public CombinationMethod Method { get; init; } = CombinationMethod.Cat;

    /// <summary>One weight for each adapter, negative ones too; null for 1 each.</summary>
    public double[]? Weight { get; init; }

    /// <summary>The share of values that is kept, above 0 to 1; needed by the methods that drop values, and by no others.</summary>
    public double? Density { get; init; }

    /// <summary>How TIES finds the majority's sign.</summary>
    public MajoritySign MajoritySign { get; init; }

    /// <summary>The rank that the svd methods truncate to; null for the largest rank of the adapters.</summary>
    public int? Rank { get; init; }

    /// <summary>The quantile, above 0 to 1, that the svd methods cut the values of A and B off at; null for none.</summary>
    public double? Clamp { get; init; }

    /// <summary>Decides what DARE drops.</summary>
    public int Seed { get; init; }

    /// <summary>Threads that compute, at least one; null for as many as libtorch takes, the processor's cores.</summary>
    public int? Thread { get; init; }
}
