using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// Has glibc keep freed memory while a run trains. By default it gives every large block back to the system, and each large tensor then begins
/// with a page fault for every 4 KiB. The setting is the process's; disposing restores glibc's defaults and gives the memory back.
/// </summary>
internal sealed partial class AllocatorTuning : IDisposable
{
    // The parameters of mallopt (malloc.h) with glibc's defaults.
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int MmapMaximum = -4;
    private const int DefaultSize = 128 << 10;
    private const int DefaultMmapMaximum = 65536;
    private const int KeptTopPad = 64 << 20;

    private readonly bool isActive;

    private AllocatorTuning(bool isActive) => this.isActive = isActive;

    /// <summary>Keeps freed memory until the result is disposed; does nothing where the allocator is not glibc's.</summary>
    public static AllocatorTuning KeepFreedMemory() => new(IsGlibc() && Set(mmapMaximum: 0, trimThreshold: int.MaxValue, topPad: KeptTopPad));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isActive && Set(DefaultMmapMaximum, DefaultSize, DefaultSize))
        {
            _ = SetOption(MmapThreshold, DefaultSize);
            _ = Trim(0);
        }
    }

    private static bool Set(int mmapMaximum, int trimThreshold, int topPad) =>
        SetOption(MmapMaximum, mmapMaximum) == 1 && SetOption(TrimThreshold, trimThreshold) == 1 && SetOption(TopPad, topPad) == 1;

    // Other C libraries of Linux lack this function of glibc's.
    private static bool IsGlibc() =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad("libc.so.6", out nint library)
        && NativeLibrary.TryGetExport(library, "gnu_get_libc_version", out _);

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
