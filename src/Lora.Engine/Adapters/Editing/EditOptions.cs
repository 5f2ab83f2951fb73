namespace Lora;

/// <summary>How an adapter is changed. Globs are those of <see cref="Selection.ModulePattern"/>.</summary>
public sealed record EditOptions
{
    /// <summary>Globs of the modules to keep; empty for all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Globs of the modules to leave out of those.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>The factor of every change that is kept.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Globs with factors of their own, in place of <see cref="Scale"/>; the first that matches decides.</summary>
    public IReadOnlyList<LoraPatternValue> ScalePattern { get; init; } = [];

    /// <summary>The most that a module's rank may be afterwards; null for no change of rank.</summary>
    public int? Rank { get; init; }

    /// <summary>The share of each change that is kept at least, above 0 to 1, of its squared Frobenius norm: each module gets the smallest rank that does.
    /// Null for no change of rank; with <see cref="Rank"/> too, the rank goes no further than that.</summary>
    public double? Retain { get; init; }

    /// <summary>Threads that compute, at least one; null for as many as libtorch takes, the processor's cores.</summary>
    public int? Thread { get; init; }

    /// <summary>Whether ranks change.</summary>
    internal bool Truncates => Rank is not null || Retain is not null;

    /// <summary>Whether what a module adds to its weight changes, beyond being left out.</summary>
    internal bool ChangesValues => Truncates || Scale != 1 || ScalePattern.Count > 0;
}
