using Lora.Training;

namespace Lora;

/// <summary>How adapters are measured.</summary>
public sealed record MeasurementOptions
{
    private static readonly TrainingOptions Defaults = new();

    /// <summary>Globs of the adapted modules that stay on; empty for all.</summary>
    public string[] Include { get; init; } = [];

    /// <summary>Globs of the adapted modules that are switched off.</summary>
    public string[] Exclude { get; init; } = [];

    /// <summary>Whether to measure without each block's adaptation in turn, in place of all at once.</summary>
    public bool EachLayer { get; init; }

    /// <summary>Rows in one forward pass.</summary>
    public int BatchSize { get; init; } = Defaults.BatchSize;

    /// <summary>How rows are read, and what of them is taken the loss of.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>Tokens of a row at the most; longer rows are cut and reported. Null: 1024, or what the model was made for where that is less.</summary>
    public int? MaxLength { get; init; }

    /// <summary><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string Device { get; init; } = Defaults.Device;

    /// <summary>The dtype of the base weights.</summary>
    public TrainingDataType DataType { get; init; } = Defaults.DataType;

    /// <summary>Threads that compute; null for as many as libtorch takes, the processor's cores.</summary>
    public int? Thread { get; init; }

    /// <summary>Whether the model takes over the vocabulary of an adapter that was trained on a resized one.</summary>
    public bool ResizeVocabulary { get; init; }

    /// <summary>Prompts that the base model and the adapted model continue.</summary>
    public string[] Prompt { get; init; } = [];

    /// <summary>Tokens of a continuation at the most.</summary>
    public int PromptToken { get; init; } = Defaults.PromptToken;

    /// <summary>Every value that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check() =>
    [
        .. OptionRules.AtLeast(nameof(BatchSize), BatchSize, 1),
        .. OptionRules.AtLeast(nameof(MaxLength), MaxLength ?? 2, 2),
        .. OptionRules.AtLeast(nameof(PromptToken), PromptToken, 1),
        .. OptionRules.AtLeast(nameof(Thread), Thread ?? 1, 1),
        .. Data.Check(),
    ];
}
