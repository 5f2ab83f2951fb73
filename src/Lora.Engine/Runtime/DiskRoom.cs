namespace Lora.Runtime;

/// <summary>What is free on a disk.</summary>
internal static class DiskRoom
{
    /// <summary>Bytes that the user may still write where a folder lies, which need not be there; null where this is not known, as on a network share.</summary>
    public static long? Of(string folder)
    {
        try
        {
            string? there = folder;
            while (there is not null && !Directory.Exists(there))
            {
                there = Path.GetDirectoryName(there);
            }

            return there is null ? null : new DriveInfo(there).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Refuses what does not fit.</summary>
    /// <exception cref="LoraException">DiskRoomInsufficient.</exception>
    public static void Check(string what, string folder, long needed, Func<string, long?> room)
    {
        if (room(folder) is long free && free < needed)
        {
            throw LoraException.Of(LoraError.DiskRoomInsufficient, folder, what, Megabytes(needed), folder, Megabytes(free));
        }
    }

    private static string Megabytes(long bytes) => FormattableString.Invariant($"{bytes / 1e6:N0} MB");
}
