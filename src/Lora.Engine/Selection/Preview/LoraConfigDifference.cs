namespace Lora;

/// <summary>A module that two configurations treat differently.</summary>
public sealed record LoraConfigDifference
{
    /// <summary>The dotted name.</summary>
    public string Name { get; init; } = "";

    /// <summary><c>&lt;=</c> adapted by the reference only, <c>=&gt;</c> by the other only, <c>&lt;&gt;</c> by both, differently.</summary>
    public string SideIndicator { get; init; } = "";

    /// <summary>What the reference does.</summary>
    public LoraTargetInfo? Reference { get; init; }

    /// <summary>What the other does.</summary>
    public LoraTargetInfo? Difference { get; init; }

    /// <summary>Values that the other trains for the module beyond the reference's.</summary>
    public long ParameterChange => (Difference?.ParameterCount ?? 0) - (Reference?.ParameterCount ?? 0);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {SideIndicator}";
}
