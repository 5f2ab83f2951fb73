namespace Lora;

/// <summary>What became of one module of an adapter that was changed.</summary>
public sealed record LoraModuleEdit
{
    /// <summary>The dotted name in the base model.</summary>
    public string Name { get; init; } = "";

    /// <summary>The name of the block that holds the module, for example <c>model.layers.3</c>; null outside the numbered blocks.</summary>
    public string? Block { get; init; }

    /// <summary>The block's number.</summary>
    public int? Layer { get; init; }

    /// <summary>The rank before.</summary>
    public int RankBefore { get; init; }

    /// <summary>The rank now; null where the module was left out.</summary>
    public int? Rank { get; init; }

    /// <summary>The factor that its change was scaled by; null where the module was left out.</summary>
    public double? Scale { get; init; }

    /// <summary>The share of the squared Frobenius norm of its change that is kept, scaling aside: 1 where the rank is as it was, 0 where the module was left out.</summary>
    public double Retained { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
