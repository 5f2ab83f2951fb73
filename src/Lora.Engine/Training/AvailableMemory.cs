using System.Diagnostics;
using Lora.Native;

namespace Lora.Training;

/// <summary>How much memory a process has and may have.</summary>
internal static class AvailableMemory
{
    // What is left to the system and to others, so that nothing is swapped out.
    private const double Share = 0.9;

    /// <summary>The memory that the process needs now, in bytes: resident, after all that is free was given back.</summary>
    public static long Taken()
    {
        GC.Collect();
        AllocatorTuning.Trim();
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <summary>What the process may have in all: what it has, and most of what the machine, or its container, has left.</summary>
    public static long Limit()
    {
        long taken = Taken();
        GCMemoryInfo memory = GC.GetGCMemoryInfo(); // as of the last collection
        return taken + (long)(Share * Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes));
    }
}
