namespace Lora;

/// <summary>An adapter, as its files describe it.</summary>
public sealed record LoraAdapterInfo
{
    /// <summary>The adapter's folder, or its file where it is one; empty for an adapter that is in memory only.</summary>
    public string Path { get; init; } = "";

    /// <summary>The form that the adapter is written in.</summary>
    public LoraAdapterFormat Format { get; init; }

    /// <summary>What adapter_config.json says.</summary>
    public LoraConfig? Config { get; init; }

    /// <summary>The base model as adapter_config.json names it.</summary>
    public string? BaseModel { get; init; }

    /// <summary>The rank that modules have unless a pattern says otherwise.</summary>
    public int Rank { get; init; }

    /// <summary>The numerator of the scaling.</summary>
    public double Alpha { get; init; }

    /// <summary>The adapted modules, with norms where they were asked for.</summary>
    public LoraList<LoraAdapterModule> Module { get; init; } = [];

    /// <summary>Modules that are adapted.</summary>
    public int ModuleCount => Module.Count;

    /// <summary>Rows of embeddings and heads that were trained for single tokens (trainable_token_indices); <see cref="LoraConfig.TrainableToken"/> names them.</summary>
    public long TokenCount { get; init; }

    /// <summary>Values in all tensors.</summary>
    public long ParameterCount { get; init; }

    /// <summary>Size of the file of weights, or of the tensors in memory, in bytes.</summary>
    public long Size { get; init; }

    /// <summary>The dtypes of the tensors, for example <c>F32</c>.</summary>
    public string DataType { get; init; } = "";

    /// <summary>The chat template that lies beside it, as of an adapter that was trained on conversations; null for none.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>
    /// What keeps the adapter from being used here, as adapter_config.json names it (<c>target_parameters</c>, <c>init_lora_weights corda</c>); empty when nothing
    /// does. Such an adapter is described, without norms, and refused where it would be computed with.
    /// </summary>
    public LoraList<string> Unsupported { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"{(Path.Length > 0 ? Path : "in memory")}: rank {Rank}, {ModuleCount} {(ModuleCount == 1 ? "module" : "modules")}");
}
