using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// Asks Linux to back a block with large pages. Memory that is used for the first time costs a page fault for every page, and with pages of 4 KiB
/// the faults take several times as long as reading a checkpoint into it.
/// </summary>
internal static partial class LargePages
{
    // MADV_HUGEPAGE of sys/mman.h.
    private const int HugePage = 14;

    /// <summary>Advises the whole pages of a block that nothing was written to yet. The system may decline; then only time is lost.</summary>
    /// <param name="first">Where the block begins.</param>
    /// <param name="length">Its bytes.</param>
    public static void Advise(nint first, long length)
    {
        long page = Environment.SystemPageSize;
        long begin = (first + page - 1) / page * page;
        long end = (first + length) / page * page;
        if (OperatingSystem.IsLinux() && begin < end)
        {
            _ = Advise((nint)begin, (nuint)(end - begin), HugePage);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint first, nuint length, int advice);
}
