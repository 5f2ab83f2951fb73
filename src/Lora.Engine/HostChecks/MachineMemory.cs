using System.Globalization;
using System.Runtime.InteropServices;

namespace Lora.HostChecks;

/// <summary>The machine's memory in bytes.</summary>
/// <param name="Total">What is built in, or what a container may take.</param>
/// <param name="Available">What of it is free, or can be had at once.</param>
/// <param name="Swap">Files and partitions that memory can be moved to.</param>
/// <param name="Promised">What Windows still promises to programs, page files included; on other systems null, which promise more than they have.</param>
internal sealed partial record MachineMemory(long Total, long Available, long Swap, long? Promised)
{
    private const string LinuxFile = "/proc/meminfo";

    /// <summary>Asks the system; null where it does not say.</summary>
    public static MachineMemory? Read()
    {
        if (OperatingSystem.IsWindows())
        {
            Status status = new() { Length = (uint)Marshal.SizeOf<Status>() };
            return GlobalMemoryStatusEx(ref status)
                ? new((long)status.TotalPhysical, (long)status.AvailablePhysical, (long)(status.TotalPageFile - status.TotalPhysical), (long)status.AvailablePageFile)
                : null;
        }

        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        return File.Exists(LinuxFile) ? Of(File.ReadLines(LinuxFile), memory.TotalAvailableMemoryBytes)
            : new(memory.TotalAvailableMemoryBytes, Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes), 0, null);
    }

    /// <summary>Reads what Linux says in /proc/meminfo.</summary>
    /// <param name="lines">Its lines.</param>
    /// <param name="limit">What a container may take, or all.</param>
    internal static MachineMemory Of(IEnumerable<string> lines, long limit)
    {
        Dictionary<string, long> bytes = lines.Select(line => line.Split(':', ' ').Where(word => word.Length > 0).ToArray()).Where(words => words.Length > 1)
            .ToDictionary(words => words[0], words => 1024 * long.Parse(words[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);
        return new(Math.Min(bytes["MemTotal"], limit), Math.Min(bytes["MemAvailable"], limit), bytes["SwapTotal"], null);
    }

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GlobalMemoryStatusEx(ref Status status);

    /// <summary>MEMORYSTATUSEX of sysinfoapi.h, in bytes. Its page file is the limit of all that is promised, memory included.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Status
    {
        public uint Length;
        public uint Load;
        public ulong TotalPhysical;
        public ulong AvailablePhysical;
        public ulong TotalPageFile;
        public ulong AvailablePageFile;
        public ulong TotalVirtual;
        public ulong AvailableVirtual;
        public ulong AvailableExtendedVirtual;
    }
}
