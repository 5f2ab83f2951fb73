using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// What glibc does with the memory of freed tensors while a run trains. Kept, it saves a page fault for every 4 KiB of each tensor, but its pieces
/// never fit wholly again, so that the process grows past what it needs by a few of the largest; those above 32 MiB are therefore given back all
/// the same. Given back from 1 MiB on, the process has what its tensors take. The setting is the process's; disposing restores glibc's defaults
/// and gives the memory back.
/// </summary>
internal sealed partial class AllocatorTuning : IDisposable
{
    // The parameters of mallopt (malloc.h) with glibc's defaults.
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int MmapMaximum = -4;
    private const int DefaultMmapMaximum = 65536;
    private const int DefaultSize = 128 << 10;
    private const int KeptTopPad = 16 << 20;
    private const int LargestKept = 32 << 20; // glibc takes no larger threshold
    private const int ReturnedSize = 1 << 20;

    /// <summary>Steps that make what later ones find, between what they free.</summary>
    public const int FirstSteps = 3;

    // Small pieces that are not given back at once add up.
    private const int StepsBetweenTrims = 100;

    private readonly bool isActive;

    private AllocatorTuning(bool isActive) => this.isActive = isActive;

    /// <summary>Whether freed memory can be kept: the allocator is glibc's.</summary>
    public static bool CanKeep => IsGlibc();

    /// <summary>Keeps freed memory until the result is disposed; does nothing where the allocator is not glibc's.</summary>
    public static AllocatorTuning KeepFreedMemory() => new(IsGlibc() && Set(DefaultMmapMaximum, LargestKept, int.MaxValue, KeptTopPad));

    /// <summary>The same whatever the size, for steps by autograd, which makes the largest of its tensors anew all the time.</summary>
    public static AllocatorTuning KeepAllFreedMemory() => new(IsGlibc() && Set(0, LargestKept, int.MaxValue, KeptTopPad));

    /// <summary>Gives freed memory back at once until the result is disposed; does nothing where the allocator is not glibc's.</summary>
    public static AllocatorTuning ReturnFreedMemory() => new(IsGlibc() && SetOption(MmapThreshold, ReturnedSize) == 1);

    /// <summary>Gives back freed tensors at once and keeps pieces below 1 MiB, which are taken again and again; does nothing where the allocator is not glibc's.</summary>
    public static AllocatorTuning KeepFreedPieces() => new(IsGlibc() && Set(DefaultMmapMaximum, ReturnedSize, KeptTopPad, KeptTopPad));

    /// <summary>Gives back what is free after a run's first steps, and from time to time.</summary>
    /// <param name="done">Steps done.</param>
    public static void TrimAfter(int done)
    {
        if (done <= FirstSteps || done % StepsBetweenTrims == 0)
        {
            Trim();
        }
    }

    /// <summary>Gives back what is free now, so that the process's size tells what it needs; does nothing where the allocator is not glibc's.</summary>
    public static void Trim()
    {
        if (IsGlibc())
        {
            _ = TrimHeaps(0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isActive && Set(DefaultMmapMaximum, DefaultSize, DefaultSize, DefaultSize))
        {
            Trim();
        }
    }

    private static bool Set(int mmapMaximum, int mmapThreshold, int trimThreshold, int topPad) =>
        SetOption(MmapMaximum, mmapMaximum) == 1 && SetOption(MmapThreshold, mmapThreshold) == 1 && SetOption(TrimThreshold, trimThreshold) == 1 && SetOption(TopPad, topPad) == 1;

    // Other C libraries of Linux lack this function of glibc's.
    private static bool IsGlibc() =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad("libc.so.6", out nint library)
        && NativeLibrary.TryGetExport(library, "gnu_get_libc_version", out _);

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int TrimHeaps(nuint keep);
}
