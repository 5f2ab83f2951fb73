using System.Diagnostics;
using Lora.Native;

namespace Lora.HostChecks;

/// <summary>libtorch: where it is, and whether it loads, which is tried in a process of its own, since a library that does not fit may end one.</summary>
internal static class RuntimeChecks
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2); // a cold disk reads gigabytes

    public static IEnumerable<LoraHostFinding> Runtime(HostFacts facts)
    {
        const string Name = "Runtime";
        IReadOnlyList<string> candidates = facts.Candidates();
        string[] there = [.. candidates.Where(folder => NativeFolder.Holds(folder, NativeFolder.Torch)).Distinct()];
        yield return there.Length == 0
            ? LoraHostFinding.Fail(
                Name,
                "not installed",
                $"in {string.Join(" or ", candidates.Append(NativeFolder.Chosen is null ? UserRuntime.Root : null).OfType<string>())}",
                NativeFolder.Chosen is null ? "Run Install-LoraRuntime, with -Backend Cuda for an NVIDIA GPU." : $"{NativeFolder.Variable} names a folder without libtorch: take the variable away, or let it name another.")
            : LoraHostFinding.Pass(Name, $"{Backend(there[0])}, {there[0]}{(there.Length > 1 ? $"; not used: {string.Join(", ", there[1..])}" : "")}");
    }

    public static IEnumerable<LoraHostFinding> RuntimeLoads(HostFacts facts)
    {
        const string Name = "RuntimeLoads";
        if (NativeFolder.Find(facts.Candidates()) is not string folder)
        {
            yield break;
        }

        if (facts.IsLoaded())
        {
            yield return LoraHostFinding.Pass(Name, "this session has loaded it");
        }
        else if (facts.Probe is null)
        {
            yield return LoraHostFinding.Warning(Name, "not tried", "it loads", "There is no PowerShell in whose process it could be tried; the first training will tell.");
        }
        else
        {
            (int? code, string said) = Run(facts.Probe, facts.Cancellation);
            yield return code switch
            {
                0 => LoraHostFinding.Pass(Name, $"a process loaded it: {said}"),
                null => LoraHostFinding.Fail(Name, $"a process that loads it did not end in {Limit.TotalSeconds:0} s", "it loads", "Try again; a scanner may be reading the files for the first time."),
                RuntimeProbe.Refused => LoraHostFinding.Fail(Name, said, "it loads", "Install-LoraRuntime -Force installs it again. See CppRuntime and NvidiaDriver too."),
                int other => LoraHostFinding.Fail(Name, $"a process that loads it ended with code {other} (0x{other:X8}) {said}".TrimEnd(), "it loads", $"A library in '{folder}' does not fit this machine: Install-LoraRuntime -Force installs it again."),
            };
        }
    }

    /// <summary>Which build lies in a folder.</summary>
    public static LoraBackend Backend(string folder) => NativeFolder.Holds(folder, "torch_cuda") ? LoraBackend.Cuda : LoraBackend.Cpu;

    private static (int? Code, string Said) Run(IReadOnlyList<string> command, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
        Task<string> error = process.StandardError.ReadToEndAsync(cancellation);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        try
        {
            process.WaitForExitAsync(limit.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellation.ThrowIfCancellationRequested();
            return (null, "");
        }

        string said = $"{output.Result.Trim()} {error.Result.Trim()}".Trim();
        return (process.ExitCode, said);
    }
}
