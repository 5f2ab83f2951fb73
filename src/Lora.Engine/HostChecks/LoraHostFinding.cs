namespace Lora;

/// <summary>What a finding means for running here.</summary>
public enum LoraHostStatus
{
    /// <summary>As it should be.</summary>
    Pass,

    /// <summary>It runs, and something is in its way or may come to be.</summary>
    Warning,

    /// <summary>It does not run, or not on this card.</summary>
    Fail,
}

/// <summary>One thing about this machine that decides whether, and how well, a model can be trained on it.</summary>
public sealed record LoraHostFinding
{
    /// <summary>What was looked at, for example <c>NvidiaDriver</c>.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>What it means.</summary>
    public LoraHostStatus Status { get; internal init; }

    /// <summary>What is there.</summary>
    public string Found { get; internal init; } = "";

    /// <summary>What should be; null where there is nothing that must be.</summary>
    public string? Expected { get; internal init; }

    /// <summary>What to do; null where there is nothing to do.</summary>
    public string? Advice { get; internal init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Status}: {Name}, {Found}";

    internal static LoraHostFinding Pass(string name, string found, string? expected = null) => new() { Name = name, Status = LoraHostStatus.Pass, Found = found, Expected = expected };

    internal static LoraHostFinding Warning(string name, string found, string? expected, string advice) =>
        new() { Name = name, Status = LoraHostStatus.Warning, Found = found, Expected = expected, Advice = advice };

    internal static LoraHostFinding Fail(string name, string found, string? expected, string advice) =>
        new() { Name = name, Status = LoraHostStatus.Fail, Found = found, Expected = expected, Advice = advice };
}
