using System.Diagnostics;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>How much memory a run's device has given and may give.</summary>
internal static class AvailableMemory
{
    // What is left to the system and to others, so that nothing is swapped out, or moved into memory that a GPU shares.
    private const double Share = 0.9;

    /// <summary>
    /// The bytes that are taken now and those that may be in all, what is taken included. On a CPU they are the process's, and those of the machine
    /// or its container; on a GPU the device's, by whomever. Null where a GPU does not say.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="isFree">Whether all that nobody needs was given back before.</param>
    public static (long Taken, long Limit)? Of(Device device, bool isFree = false)
    {
        if (device.type == DeviceType.CUDA)
        {
            if (!isFree)
            {
                GC.Collect();
            }

            // Also where all that nobody needs was given back: it was to torch, which keeps it.
            return OfCard(() => CachedMemory.GiveBack(device), () => NvidiaManagement.Memory(Math.Max(0, device.index)));
        }

        long taken = isFree ? WorkingSet() : Taken();

        // .NET knows the limit of a container as well as the machine's.
        GCMemoryInfo memory = GC.GetGCMemoryInfo(); // as of the last collection
        return (taken, taken + (long)(Share * Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes)));
    }

    /// <summary>The same of a card.</summary>
    /// <param name="giveBack">Has torch give back what it keeps of freed tensors: a run before this one in the session had it, and its driver counts it as taken.</param>
    /// <param name="ask">Says how many bytes are used and free, all programs'.</param>
    internal static (long Taken, long Limit)? OfCard(Action giveBack, Func<(long Used, long Free)?> ask)
    {
        giveBack();
        return ask() is (long used, long free) ? (used, used + (long)(Share * free)) : null;
    }

    /// <summary>The memory that the process needs now, in bytes: resident, after all that is free was given back.</summary>
    public static long Taken()
    {
        // Tensors that nobody holds any longer give their memory back only when they are collected.
        GC.Collect();
        AllocatorTuning.Trim();
        return WorkingSet();
    }

    private static long WorkingSet()
    {
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
