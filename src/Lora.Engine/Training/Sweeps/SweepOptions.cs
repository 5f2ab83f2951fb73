namespace Lora.Training;

/// <summary>How a sweep goes over its points.</summary>
public sealed record SweepOptions
{
    /// <summary>
    /// Successive halving: of all points, each trained for a part of its steps, one in so many goes on, and of those again one in so many. Null trains every
    /// point to its end.
    /// </summary>
    public int? Factor { get; init; }

    /// <summary>The folder that has one for each point, and the record of the sweep; null keeps the adapters in memory.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Whether the sweep in <see cref="OutputPath"/> is gone on with, when there is one.</summary>
    public bool Resume { get; init; }

    /// <summary>Whether what is in <see cref="OutputPath"/> is overwritten.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Every value that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check() =>
    [
        .. OptionRules.AtLeast(nameof(Factor), Factor ?? 2, 2),
        .. Resume && OutputPath is null ? [new LoraProblem(LoraError.ConfigValueInvalid, nameof(Resume), nameof(Resume), "without an OutputPath", "the folder of the sweep")] : Array.Empty<LoraProblem>(),
    ];
}
