using Lora.Training;

namespace Lora;

/// <summary>How modules are scored.</summary>
public sealed record ScoringOptions
{
    private static readonly TrainingOptions Defaults = new();

    /// <summary>The scores to take; empty for those of the weights where no rows are given, and for those of rows where they are.</summary>
    public LoraModuleScore[] Score { get; init; } = [];

    /// <summary>Rows that are looked at, at the most, spread evenly over the dataset.</summary>
    public int Sample { get; init; } = 64;

    /// <summary>The rank of the adapter whose gradient is taken.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>Seed of that adapter's A.</summary>
    public int Seed { get; init; } = Defaults.Seed;

    /// <summary>How rows are read, and what of them is learned.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>Tokens of a row at the most. Null: 1024, or what the model was made for where that is less.</summary>
    public int? MaxLength { get; init; }

    /// <summary><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string Device { get; init; } = Defaults.Device;

    /// <summary>The dtype of the weights.</summary>
    public TrainingDataType DataType { get; init; } = Defaults.DataType;

    /// <summary>Threads that compute; null for as many as libtorch takes, the processor's cores.</summary>
    public int? Thread { get; init; }

    /// <summary>Every value that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check() =>
    [
        .. OptionRules.AtLeast(nameof(Sample), Sample, 1),
        .. OptionRules.AtLeast(nameof(Rank), Rank, 1),
        .. OptionRules.AtLeast(nameof(MaxLength), MaxLength ?? 2, 2),
        .. OptionRules.AtLeast(nameof(Thread), Thread ?? 1, 1),
        .. Data.Check(),
    ];
}
