namespace Lora;

/// <summary>What an adapter does to one module, or to one parameter that is adapted by itself.</summary>
public sealed record LoraAdapterModule
{
    /// <summary>The dotted name in the base model.</summary>
    public string Name { get; init; } = "";

    /// <summary>The name of the block that holds the module, for example <c>model.layers.3</c>; null outside the numbered blocks.</summary>
    public string? Block { get; init; }

    /// <summary>The block's number.</summary>
    public int? Layer { get; init; }

    /// <summary>What the module is in its block, as <see cref="LoraModuleInfo.Role"/>.</summary>
    public string Role { get; init; } = "";

    /// <summary>Rows of A, of each expert's where there are several.</summary>
    public int Rank { get; init; }

    /// <summary>How many experts have an A and a B in these; null for all but the weights of experts.</summary>
    public long? ExpertCount { get; init; }

    /// <summary>The factor s of the low-rank product.</summary>
    public double Scaling { get; init; }

    /// <summary>Values in the module's adapter tensors.</summary>
    public long ParameterCount { get; init; }

    /// <summary>Frobenius norm of the change of the weight, s · B A; null unless norms were asked for.</summary>
    public double? Norm { get; init; }

    /// <summary>The effective rank of the change, exp of the entropy of its singular values (Roy and Vetterli 2007), from 0 to <see cref="Rank"/>; of several
    /// experts what it is for an expert on average, by the entropy of all of them; null unless norms were asked for.</summary>
    public double? EffectiveRank { get; init; }

    /// <summary>The share that the module has in the squared norm of all changes, from 0 to 1; null unless norms were asked for.</summary>
    public double? Share { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
