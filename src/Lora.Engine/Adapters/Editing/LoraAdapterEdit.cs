namespace Lora;

/// <summary>A changed copy of an adapter, and what became of each module. It is taken wherever an adapter is.</summary>
public sealed record LoraAdapterEdit
{
    /// <summary>The changed copy; null for one that comes out of a job or a file.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>The modules of the adapter that was changed.</summary>
    public LoraList<LoraModuleEdit> Module { get; init; } = [];

    /// <summary>Modules that the copy has.</summary>
    public int ModuleCount => Module.Count(module => module.Rank is not null);

    /// <summary>Modules that were left out.</summary>
    public int LeftOutCount => Module.Count - ModuleCount;

    /// <summary>Values in the tensors of the adapter that was changed.</summary>
    public long ParameterBefore { get; init; }

    /// <summary>Values in the tensors of the copy.</summary>
    public long ParameterCount { get; init; }

    /// <summary>The share of the squared Frobenius norm of the whole change that is kept, scaling aside; null for an adapter that is more than A and B.</summary>
    public double? Retained { get; init; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"{ModuleCount} of {Module.Count} modules, {ParameterCount:N0} of {ParameterBefore:N0} values{(Retained is double share ? FormattableString.Invariant($", {share:P1} of the change") : "")}");
}
