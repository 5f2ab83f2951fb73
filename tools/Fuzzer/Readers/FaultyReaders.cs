using System.Runtime.InteropServices;

namespace Lora.Tools.Fuzzer;

/// <summary>Readers with one fault each, by which a test sees that the fuzzer would see it.</summary>
internal static class FaultyReaders
{
    public static IReadOnlyList<Reader> All { get; } =
    [
        Faulty("faulty-untyped", () => throw new InvalidOperationException("nobody foresaw it")),
        Faulty("faulty-abort", () => Environment.FailFast("as libtorch would")),
        Faulty("faulty-slow", () => Work(TimeSpan.FromSeconds(2.5))),
        Faulty("faulty-memory", () => Hold(FuzzedProcess.MemoryLimit)),
    ];

    private static void Work(TimeSpan time)
    {
        TimeSpan end = Environment.CpuUsage.TotalTime + time;
        while (Environment.CpuUsage.TotalTime < end)
        {
            Thread.SpinWait(1000);
        }
    }

    /// <summary>Native memory, as libtorch's, which no limit of the runtime's holds.</summary>
    private static void Hold(long size)
    {
        nint memory = Marshal.AllocHGlobal((nint)size);
        for (long page = 0; page < size; page += Environment.SystemPageSize)
        {
            Marshal.WriteByte(memory + (nint)page, 1); // until it is written to it is a promise
        }
    }

    private static Reader Faulty(string name, Action fault) => new(name, 1, _ => new(_ => new("input", [0]), _ => fault()));
}
