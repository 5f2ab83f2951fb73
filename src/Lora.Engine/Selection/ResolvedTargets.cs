namespace Lora.Selection;

/// <summary>What a configuration means for a model.</summary>
public sealed record ResolvedTargets
{
    /// <summary>The modules that are adapted, in the model's order, and behind them the parameters.</summary>
    public IReadOnlyList<ResolvedTarget> Targets { get; init; } = [];

    /// <summary>The whole names of the modules that are trained whole, those of the task's head among them; what lies below them is meant too.</summary>
    public IReadOnlyList<string> Saved { get; init; } = [];

    /// <summary>The modules of which single rows are trained, with the tokens.</summary>
    public IReadOnlyList<TokenRows> Tokens { get; init; } = [];

    /// <summary>The decision about every module and then about every container.</summary>
    public IReadOnlyList<TargetDecision> Decisions { get; init; } = [];

    /// <summary>What each entry of the configuration's lists and each pattern did.</summary>
    public IReadOnlyList<LoraTargetEntry> Entries { get; init; } = [];

    /// <summary>The entries that match nothing, when that was allowed.</summary>
    public IReadOnlyList<LoraProblem> Warnings { get; init; } = [];

    /// <summary>What to know of it all the same: adapted weights that are shared, entries that match modules and never decide.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
