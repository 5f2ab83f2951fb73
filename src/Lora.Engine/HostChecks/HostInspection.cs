namespace Lora.HostChecks;

/// <summary>Looks at this machine: whether a model can be trained on it. Nothing is written, nothing is asked of a network, and whatever is there, nothing fails.</summary>
public static class HostInspection
{
    private static readonly (string Name, Func<HostFacts, IEnumerable<LoraHostFinding>> Look)[] Checks =
    [
        (nameof(SystemChecks.PowerShell), SystemChecks.PowerShell),
        (nameof(SystemChecks.System), SystemChecks.System),
        (nameof(RuntimeChecks.Runtime), RuntimeChecks.Runtime),
        (nameof(RuntimeChecks.RuntimeLoads), RuntimeChecks.RuntimeLoads),
        (nameof(SystemChecks.CppRuntime), SystemChecks.CppRuntime),
        (nameof(GpuChecks.Nvidia), GpuChecks.Nvidia),
        (nameof(RoomChecks.Memory), RoomChecks.Memory),
        (nameof(RoomChecks.Disk), RoomChecks.Disk),
        (nameof(SystemChecks.LongPaths), SystemChecks.LongPaths),
        (nameof(SystemChecks.ExecutionPolicy), SystemChecks.ExecutionPolicy),
        (nameof(SystemChecks.DownloadedFiles), SystemChecks.DownloadedFiles),
    ];

    /// <summary>The findings, as they are made.</summary>
    /// <param name="powerShell">The shell's version; null outside of PowerShell.</param>
    /// <param name="executionPolicy">The policy for scripts that is in force; null where the shell has none.</param>
    /// <param name="probe">A program with its arguments that calls <see cref="RuntimeProbe.Run"/> and ends with 0, or with <see cref="RuntimeProbe.Refused"/> after saying what it
    /// threw; null where there is none.</param>
    /// <param name="cancellation">Ends the work soon, and that program.</param>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static IEnumerable<LoraHostFinding> Findings(string? powerShell, string? executionPolicy, IReadOnlyList<string>? probe, CancellationToken cancellation = default) =>
        Findings(new() { PowerShell = powerShell, ExecutionPolicy = executionPolicy, Probe = probe, Cancellation = cancellation });

    /// <inheritdoc cref="Findings(string, string, IReadOnlyList{string}, CancellationToken)"/>
    internal static IEnumerable<LoraHostFinding> Findings(HostFacts facts) => Checks.SelectMany(check => Findings(check.Name, check.Look, facts));

    private static IReadOnlyList<LoraHostFinding> Findings(string name, Func<HostFacts, IEnumerable<LoraHostFinding>> look, HostFacts facts)
    {
        try
        {
            return [.. look(facts)];
        }
        catch (Exception exception) when (!facts.Cancellation.IsCancellationRequested)
        {
            // Whatever a machine answers, the other findings are given.
            return [LoraHostFinding.Warning(name, $"could not be looked at: {exception.Message}", null, "The other findings hold; this one is not known.")];
        }
    }
}
