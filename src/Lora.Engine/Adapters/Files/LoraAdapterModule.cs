namespace Lora;

/// <summary>What an adapter does to one module.</summary>
public sealed record LoraAdapterModule
{
    /// <summary>The dotted name in the base model.</summary>
    public string Name { get; init; } = "";

    /// <summary>The name of the block that holds the module, for example <c>model.layers.3</c>; null outside the numbered blocks.</summary>
    public string? Block { get; init; }

    /// <summary>The block's number.</summary>
    public int? Layer { get; init; }

    /// <summary>The last part of the name.</summary>
    public string Role { get; init; } = "";

    /// <summary>Rows of A.</summary>
    public int Rank { get; init; }

    /// <summary>The factor s of the low-rank product.</summary>
    public double Scaling { get; init; }

    /// <summary>Values in the module's adapter tensors.</summary>
    public long ParameterCount { get; init; }

    /// <summary>Frobenius norm of the change of the weight, s · B A; null unless norms were asked for.</summary>
    public double? Norm { get; init; }

    /// <summary>The effective rank of the change, exp of the entropy of its singular values (Roy and Vetterli 2007), from 0 to <see cref="Rank"/>;
    /// null unless norms were asked for.</summary>
    public double? EffectiveRank { get; init; }

    /// <summary>The share that the module has in the squared norm of all changes, from 0 to 1; null unless norms were asked for.</summary>
    public double? Share { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
