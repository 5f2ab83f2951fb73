namespace Lora;

/// <summary>What two adapters do to one module.</summary>
public sealed class LoraAdapterDifference
{
    /// <summary>The dotted name in the base model.</summary>
    public string Name { get; init; } = "";

    /// <summary>The name of the block that holds the module, for example <c>model.layers.3</c>; null outside the numbered blocks.</summary>
    public string? Block { get; init; }

    /// <summary>The block's number.</summary>
    public int? Layer { get; init; }

    /// <summary><c>&lt;=</c> adapted by the reference only, <c>=&gt;</c> by the other only, <c>==</c> by both.</summary>
    public string SideIndicator => (ReferenceNorm, DifferenceNorm) switch
    {
        (_, null) => "<=",
        (null, _) => "=>",
        _ => "==",
    };

    /// <summary>The cosine between the two changes of the weight, from -1 to 1; null where either changes nothing.</summary>
    public double? Cosine { get; init; }

    /// <summary>Frobenius norm of the reference's change; null when it does not adapt the module.</summary>
    public double? ReferenceNorm { get; init; }

    /// <summary>Frobenius norm of the other's change; null when it does not adapt the module.</summary>
    public double? DifferenceNorm { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {SideIndicator}";
}
