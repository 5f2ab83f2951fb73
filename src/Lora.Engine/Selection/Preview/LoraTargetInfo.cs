namespace Lora;

/// <summary>What a configuration would do to one module, and why.</summary>
public sealed class LoraTargetInfo
{
    /// <summary>The dotted name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Whether the module would be adapted.</summary>
    public bool Targeted { get; init; }

    /// <summary>Which entry of which list decided, or why none did.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The rank it would get; null when it is not adapted.</summary>
    public int? Rank { get; init; }

    /// <summary>The alpha it would get; null when it is not adapted.</summary>
    public double? Alpha { get; init; }

    /// <summary>The factor of the low-rank product; null when it is not adapted.</summary>
    public double? Scaling { get; init; }

    /// <summary>Values that would be trained for it.</summary>
    public long ParameterCount { get; init; }

    /// <summary>What the module computes.</summary>
    public LoraModuleKind Kind { get; init; }

    /// <summary>The index of its block; null outside the numbered blocks.</summary>
    public int? Layer { get; init; }

    /// <summary>The model's folder.</summary>
    public string Model { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Reason}";
}
