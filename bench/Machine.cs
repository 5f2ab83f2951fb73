using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lora.Bench;

/// <summary>Names the machine that figures were taken on; without it they mean nothing.</summary>
internal static class Machine
{
    private const string ProcessorFile = "/proc/cpuinfo";
    private const string StatusFile = "/proc/self/stat";
    private const int MinorFaults = 7; // of the fields after the process's name (proc_pid_stat(5))
    private const string LoadFile = "/proc/loadavg";

    /// <summary>Processor, cores, instruction sets, system, and how busy it is now.</summary>
    public static string Describe() =>
        $"{Processor()}, {Environment.ProcessorCount} cores, {InstructionSets()}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}{Load()}";

    /// <summary>Whether the processor has instructions that multiply bfloat16; without them such products are slower than float32's.</summary>
    public static bool MultipliesBFloat16 { get; } = Line("flags") is not string flags || flags.Contains("avx512_bf16") || flags.Contains("amx_bf16");

    /// <summary>What the process has used of all processors.</summary>
    public static TimeSpan ProcessorTime()
    {
        using Process process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }

    /// <summary>The memory that the process has, in bytes.</summary>
    public static long Memory()
    {
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <summary>The most memory the process has had since <see cref="ResetPeakMemory"/>, in bytes.</summary>
    public static long PeakMemory()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    /// <summary>Pages that the system has given to the process since it began; null where the system does not say (it does on Linux).</summary>
    public static long? PageFaults() => OperatingSystem.IsLinux()
        ? long.Parse(File.ReadAllText(StatusFile).Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[MinorFaults], CultureInfo.InvariantCulture)
        : null;

    /// <summary>Forgets the peak, where the system can (Linux).</summary>
    public static void ResetPeakMemory()
    {
        if (OperatingSystem.IsLinux())
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
    }

    private static string Processor() => Line("model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string InstructionSets()
    {
        if (Line("flags") is string flags)
        {
            string[] known = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"];
            return string.Join(' ', known.Intersect(flags.Split(' ')));
        }

        return Avx512F.IsSupported ? "avx512f" : Avx2.IsSupported ? "avx2" : $"vectors of {Vector128<byte>.Count * 8} bits";
    }

    private static string Load() => File.Exists(LoadFile) ? $", load {File.ReadAllText(LoadFile).Split(' ')[0]}" : "";

    private static string? Line(string key) => File.Exists(ProcessorFile)
        ? File.ReadLines(ProcessorFile).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
        : null;
}
