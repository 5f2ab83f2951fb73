using Lora.Models;

namespace Lora.Training;

/// <summary>Decides where hidden states below the lowest adapted block are kept.</summary>
internal static class PrefixCaching
{
    /// <summary>The blocks whose input is kept, the highest first, and where: of the lowest one that learns, and of the one that a sweep shares.</summary>
    /// <param name="asked">What the user asked for.</param>
    /// <param name="lowest">The lowest block that learns.</param>
    /// <param name="isReused">Whether any row comes twice.</param>
    /// <param name="shared">The lowest block that learns in any point of a sweep; null outside of one.</param>
    /// <param name="bytes">Of all rows' hidden states.</param>
    /// <param name="fits">Whether so many times these bytes fit beside the run in memory.</param>
    public static (int Block, LoraPrefixCache Place)[] Choose(
        LoraPrefixCache asked, int lowest, bool isReused, int? shared, long bytes, Func<int, bool> fits)
    {
        if (shared is not int block || block > lowest)
        {
            return Kept((lowest, Choose(asked, lowest, isReused, bytes, () => fits(1))));
        }

        // Every point reads the shared one, so it comes first where there is not room for both.
        (int, LoraPrefixCache Place) common = (block, Choose(asked, block, isReused: true, bytes, () => fits(1)));
        return block == lowest ? Kept(common)
            : Kept((lowest, Choose(asked, lowest, isReused, bytes, () => fits(common.Place == LoraPrefixCache.Memory ? 2 : 1))), common);

        static (int, LoraPrefixCache)[] Kept(params (int, LoraPrefixCache Place)[] caches) => [.. caches.Where(cache => cache.Place != LoraPrefixCache.None)];
    }

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

    /// <summary>A new cache; one that keeps nothing where the temporary folder takes no file.</summary>
    /// <param name="place">Where hidden states are kept.</param>
    /// <param name="block">The block whose input they are.</param>
    /// <param name="warn">Told when nothing is kept.</param>
    public static PrefixCache Make(LoraPrefixCache place, int block, Action<string> warn)
    {
        try
        {
            return new(block, place == LoraPrefixCache.Disk ? new FilePrefixStore(Path.GetTempPath()) : new MemoryPrefixStore());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            warn($"Hidden states are not kept on disk: {exception.Message} The run goes on without.");
            return new(block, store: null);
        }
    }

    private static long Room()
    {
        try
        {
            return new DriveInfo(Path.GetTempPath()).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return 0; // no such folder, or none that may be asked
        }
    }
}
