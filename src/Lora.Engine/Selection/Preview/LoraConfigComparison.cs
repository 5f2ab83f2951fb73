namespace Lora;

/// <summary>What two configurations do differently to one model.</summary>
public sealed class LoraConfigComparison
{
    /// <summary>The model's folder.</summary>
    public string Model { get; init; } = "";

    /// <summary>The modules that the two treat differently, in the model's order.</summary>
    public LoraConfigDifference[] Difference { get; init; } = [];

    /// <summary>Modules that the two treat differently.</summary>
    public int DifferenceCount => Difference.Length;

    /// <summary>Modules that both adapt in the same way.</summary>
    public int EqualCount { get; init; }

    /// <summary>Values that the reference configuration trains.</summary>
    public long ReferenceParameter { get; init; }

    /// <summary>Values that the other configuration trains.</summary>
    public long DifferenceParameter { get; init; }

    /// <summary>Bytes of the reference's values in a saved adapter, float32, without the file's header.</summary>
    public long ReferenceByte => ReferenceParameter * sizeof(float);

    /// <summary>Bytes of the other's values in a saved adapter, float32, without the file's header.</summary>
    public long DifferenceByte => DifferenceParameter * sizeof(float);

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"{DifferenceCount} {(DifferenceCount == 1 ? "module differs" : "modules differ")}, {EqualCount} {(EqualCount == 1 ? "is" : "are")} equal; {ReferenceParameter:N0} and {DifferenceParameter:N0} values are trained");
}
