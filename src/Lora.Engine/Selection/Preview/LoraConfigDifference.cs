namespace Lora;

/// <summary>A module that two configurations treat differently.</summary>
public sealed class LoraConfigDifference
{
    /// <summary>The dotted name.</summary>
    public string Name { get; init; } = "";

    /// <summary><c>&lt;=</c> adapted by the reference only, <c>=&gt;</c> by the other only, <c>&lt;&gt;</c> by both, differently.</summary>
    public string SideIndicator { get; init; } = "";

    /// <summary>What the reference does; null where the model has no such module for its task.</summary>
    public LoraTargetInfo? Reference { get; init; }

    /// <summary>What the other does; null where the model has no such module for its task.</summary>
    public LoraTargetInfo? Difference { get; init; }

    /// <summary>The rank that the reference gives it; null when the reference does not adapt it.</summary>
    public int? ReferenceRank => Reference?.Rank;

    /// <summary>The rank that the other gives it; null when the other does not adapt it.</summary>
    public int? DifferenceRank => Difference?.Rank;

    /// <summary>Values that the other trains for the module beyond the reference's.</summary>
    public long ParameterChange => (Difference?.ParameterCount ?? 0) - (Reference?.ParameterCount ?? 0);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {SideIndicator}";
}
