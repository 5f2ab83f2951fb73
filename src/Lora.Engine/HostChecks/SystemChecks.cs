using Lora.Native;
using Lora.Runtime;

namespace Lora.HostChecks;

/// <summary>The shell, the system and the libraries of the system that libtorch is linked against.</summary>
internal static class SystemChecks
{
    // The .NET of this version is the module's own.
    private static readonly Version LeastPowerShell = new(7, 6);

    // The newest symbols that TorchSharp's bridge asks for, after the mend; libtorch itself asks for older ones.
    private static readonly Version LeastGlibc = new(2, 34);
    private const string LeastLibstdcxx = "GLIBCXX_3.4.30";

    // Policies under which a script that is not signed is refused, wherever it comes from.
    private static readonly string[] Strict = ["AllSigned", "Restricted"];

    public static IEnumerable<LoraHostFinding> PowerShell(HostFacts facts)
    {
        if (facts.PowerShell is string version)
        {
            bool isRight = !Version.TryParse(version.Split('-')[0], out Version? found) || found >= LeastPowerShell;
            yield return isRight ? LoraHostFinding.Pass(nameof(PowerShell), version, $"{LeastPowerShell} or later")
                : LoraHostFinding.Fail(nameof(PowerShell), version, $"{LeastPowerShell} or later", "Install PowerShell 7.6 or later.");
        }
    }

    public static IEnumerable<LoraHostFinding> System(HostFacts facts)
    {
        string supported = string.Join(", ", NativePlatform.Supported);
        yield return NativePlatform.Supported.Contains(facts.Platform) ? LoraHostFinding.Pass(nameof(System), $"{facts.Platform}, {facts.System}", supported)
            : LoraHostFinding.Fail(nameof(System), $"{facts.Platform}, {facts.System}", supported, "There is no libtorch for this platform: models can be listed and targets chosen, and nothing trained. On Windows for Arm, PowerShell for x64 may do.");
    }

    public static IEnumerable<LoraHostFinding> CppRuntime(HostFacts facts)
    {
        const string Name = "CppRuntime";
        if (facts.IsWindows)
        {
            yield return facts.MissingVisualCpp() is { Count: > 0 } missing
                ? LoraHostFinding.Fail(Name, $"{string.Join(", ", missing)} missing", "Microsoft Visual C++ 2015-2022 Redistributable (x64)", "Install it from https://aka.ms/vs/17/release/vc_redist.x64.exe.")
                : LoraHostFinding.Pass(Name, "Microsoft Visual C++ 2015-2022 Redistributable (x64)");
        }
        else if (facts.IsLinux)
        {
            Version? glibc = facts.Glibc();
            string expected = $"glibc {LeastGlibc} or later, libstdc++ with {LeastLibstdcxx}";
            bool isNew = facts.HasLibstdcxx(LibstdcxxMend.NewVersion);
            string found = $"{(glibc is null ? "another C library than glibc" : $"glibc {glibc}")}, libstdc++ {(isNew ? $"with {LibstdcxxMend.NewVersion}" : facts.HasLibstdcxx(LeastLibstdcxx) ? $"with {LeastLibstdcxx}" : "older or missing")}";
            bool isRight = glibc >= LeastGlibc && (isNew || facts.HasLibstdcxx(LeastLibstdcxx));
            yield return isRight ? LoraHostFinding.Pass(Name, isNew ? found : $"{found}, for which one library is mended", expected)
                : LoraHostFinding.Fail(Name, found, expected, "Install libstdc++ (libstdc++6) where it is missing; else take a newer system, such as Debian 12, Ubuntu 22.04 or a container of one.");
        }
    }

    public static IEnumerable<LoraHostFinding> LongPaths(HostFacts facts)
    {
        if (facts.HasLongPaths() is bool isAllowed)
        {
            yield return isAllowed ? LoraHostFinding.Pass(nameof(LongPaths), "allowed")
                : LoraHostFinding.Warning(nameof(LongPaths), "up to 260 characters", "allowed", @"The module gets by; other programs may not find files deep in the cache of models. As an administrator set LongPathsEnabled to 1 in HKLM\SYSTEM\CurrentControlSet\Control\FileSystem.");
        }
    }

    public static IEnumerable<LoraHostFinding> ExecutionPolicy(HostFacts facts)
    {
        if (facts.IsWindows && facts.ExecutionPolicy is string policy)
        {
            yield return Strict.Contains(policy, StringComparer.OrdinalIgnoreCase)
                ? LoraHostFinding.Warning(nameof(ExecutionPolicy), policy, "RemoteSigned", "A module whose files are not signed is not imported in the next session. Set-ExecutionPolicy RemoteSigned -Scope CurrentUser, or sign the module's files.")
                : LoraHostFinding.Pass(nameof(ExecutionPolicy), policy);
        }
    }

    public static IEnumerable<LoraHostFinding> DownloadedFiles(HostFacts facts)
    {
        if (facts.IsWindows && facts.MarkedFolder() is string folder)
        {
            yield return LoraHostFinding.Warning(
                nameof(DownloadedFiles), $"the module's files in '{folder}' are marked as downloaded", "no mark", $"Under the policy RemoteSigned the next session does not import them: Get-ChildItem '{folder}' -Recurse | Unblock-File. Of a zip, Unblock-File before it is unpacked saves it.");
        }
    }
}
