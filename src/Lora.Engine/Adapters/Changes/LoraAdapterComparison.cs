namespace Lora;

/// <summary>What two adapters of one base model change, as a whole.</summary>
public sealed class LoraAdapterComparison
{
    /// <summary>The adapter to compare with: its folder, or what it is.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The adapter that was compared.</summary>
    public string Difference { get; init; } = "";

    /// <summary>The modules that either adapts: the reference's in its order, then the others.</summary>
    public LoraList<LoraAdapterDifference> Module { get; init; } = [];

    /// <summary>The cosine between the two changes of all weights, where a module that is not adapted is not changed; null where either changes nothing.</summary>
    public double? Cosine => ReferenceNorm > 0 && DifferenceNorm > 0
        // The dot product of the whole changes is the sum of those of the modules.
        ? Math.Clamp(Module.Sum(module => module.Cosine * module.ReferenceNorm * module.DifferenceNorm ?? 0) / (ReferenceNorm * DifferenceNorm), -1, 1)
        : null;

    /// <summary>Frobenius norm of the reference's change of all weights.</summary>
    public double ReferenceNorm => Norm(module => module.ReferenceNorm);

    /// <summary>Frobenius norm of the other's change of all weights.</summary>
    public double DifferenceNorm => Norm(module => module.DifferenceNorm);

    /// <summary>Modules that both adapt.</summary>
    public int EqualCount => Module.Count(module => module.SideIndicator == "==");

    /// <summary>Modules that one of the two adapts.</summary>
    public int DifferenceCount => Module.Count - EqualCount;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"cosine {Cosine?.ToString("F4", System.Globalization.CultureInfo.InvariantCulture) ?? "none"}; {EqualCount} {(EqualCount == 1 ? "module is" : "modules are")} adapted by both, {DifferenceCount} by one");

    private double Norm(Func<LoraAdapterDifference, double?> norm) => Math.Sqrt(Module.Sum(module => norm(module) * norm(module) ?? 0));
}
