namespace Lora;

/// <summary>What an adapter does to one module.</summary>
public sealed class LoraAdapterModule
{
    /// <summary>The dotted name in the base model.</summary>
    public string Name { get; init; } = "";

    /// <summary>Rows of A.</summary>
    public int Rank { get; init; }

    /// <summary>The factor s of the low-rank product.</summary>
    public double Scaling { get; init; }

    /// <summary>Values in the module's adapter tensors.</summary>
    public long ParameterCount { get; init; }

    /// <summary>Frobenius norm of the change of the weight, s · B A; null unless norms were asked for.</summary>
    public double? Norm { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
