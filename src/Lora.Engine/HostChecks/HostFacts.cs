using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Native;
using Lora.Runtime;

namespace Lora.HostChecks;

/// <summary>This machine, as the checks ask about it; tests have others.</summary>
internal sealed record HostFacts
{
    /// <summary>The shell's version, such as 7.6.1; null outside of PowerShell.</summary>
    public string? PowerShell { get; init; }

    /// <summary>The policy for scripts that is in force; null where the shell has none.</summary>
    public string? ExecutionPolicy { get; init; }

    /// <summary>The module's folder where its files are marked as downloaded; null where they are not.</summary>
    public Func<string?> MarkedFolder { get; init; } = DownloadMark.Folder;

    /// <summary>The operating system.</summary>
    public bool IsWindows { get; init; } = OperatingSystem.IsWindows();

    /// <summary>Whether it is Linux with the GNU C library.</summary>
    public bool IsLinux { get; init; } = OperatingSystem.IsLinux();

    /// <summary>What it calls itself.</summary>
    public string System { get; init; } = RuntimeInformation.OSDescription;

    /// <summary>The platform, as NuGet names it.</summary>
    public string Platform { get; init; } = NativePlatform.Identifier;

    /// <summary>The folders that libtorch is looked for in, best first.</summary>
    public Func<IReadOnlyList<string>> Candidates { get; init; } = NativeFolder.Candidates;

    /// <summary>Whether this process has loaded libtorch.</summary>
    public Func<bool> IsLoaded { get; init; } = () => TorchLibrary.IsLoaded;

    /// <summary>A program that loads libtorch in a process of its own, with its arguments; null where there is none.</summary>
    public IReadOnlyList<string>? Probe { get; init; }

    /// <summary>Ends the wait for that program.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The libraries of the Visual C++ runtime that are missing.</summary>
    public Func<IReadOnlyList<string>> MissingVisualCpp { get; init; } = VisualCppRuntime.Missing;

    /// <summary>The version of the GNU C library; null where it does not say.</summary>
    public Func<Version?> Glibc { get; init; } = SystemLibraries.Glibc;

    /// <summary>Whether libstdc++ has symbols of a version.</summary>
    public Func<string, bool> HasLibstdcxx { get; init; } = SystemLibstdcxx.Provides;

    /// <summary>What NVIDIA's driver says of itself and of its cards; null without one.</summary>
    public Func<NvidiaInventory?> Nvidia { get; init; } = NvidiaInventory.Read;

    /// <summary>The machine's memory; null where it does not say.</summary>
    public Func<MachineMemory?> Memory { get; init; } = MachineMemory.Read;

    /// <summary>Bytes that are free where a folder lies; null where this is not known.</summary>
    public Func<string, long?> Room { get; init; } = DiskRoom.Free;

    /// <summary>The folders that are written to, each with what for and with bytes that it should have room for.</summary>
    public Func<IReadOnlyList<(string What, string Folder, long Needed)>> Places { get; init; } = WrittenPlaces.Of;

    /// <summary>Whether Windows allows paths beyond 260 characters; null where it does not say.</summary>
    public Func<bool?> HasLongPaths { get; init; } = SystemLibraries.HasLongPaths;
}
