using Lora.Models;

namespace Lora.Training;

/// <summary>Decides where hidden states below the lowest adapted block are kept.</summary>
internal static class PrefixCaching
{
    /// <summary>The place for so many bytes; <see cref="LoraPrefixCache.None"/> when keeping them is of no use or there is no room.</summary>
    /// <param name="asked">What the user asked for.</param>
    /// <param name="lowest">The lowest block that learns.</param>
    /// <param name="isReused">Whether any row comes twice.</param>
    /// <param name="bytes">Of all rows' hidden states.</param>
    /// <param name="fits">Whether they fit beside the run in memory.</param>
    public static LoraPrefixCache Choose(LoraPrefixCache asked, int lowest, bool isReused, long bytes, Func<bool> fits) =>
        lowest == 0 ? LoraPrefixCache.None // below it is the embedding alone
        : asked != LoraPrefixCache.Auto ? asked
        : !isReused ? LoraPrefixCache.None
        : fits() ? LoraPrefixCache.Memory
        : Room() >= 2 * bytes ? LoraPrefixCache.Disk // as much again is left to others
        : LoraPrefixCache.None;

    /// <summary>A new cache.</summary>
    public static PrefixCache Make(LoraPrefixCache place, int block) =>
        new(block, place == LoraPrefixCache.Disk ? new FilePrefixStore(Path.GetTempPath()) : new MemoryPrefixStore());

    private static long Room() => new DriveInfo(Path.GetTempPath()).AvailableFreeSpace;
}
