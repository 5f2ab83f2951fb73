namespace Lora.Checkpoints;

/// <summary>Whether a disk has the room for what is to be written.</summary>
internal static class DiskRoom
{
    /// <summary>Refuses what does not fit.</summary>
    /// <param name="folder">Where it is written; it need not be there.</param>
    /// <param name="bytes">How much is.</param>
    /// <param name="what">What is written, for the message.</param>
    /// <param name="room">Gives the bytes that are free; null for <see cref="Free"/>.</param>
    /// <exception cref="LoraException">DiskRoomInsufficient.</exception>
    public static void Check(string folder, long bytes, string what, Func<string, long?>? room = null)
    {
        if ((room ?? Free)(folder) is long free && free < bytes)
        {
            throw LoraException.Of(LoraError.DiskRoomInsufficient, folder, what, SizeText.Of(bytes), folder, SizeText.Of(free));
        }
    }

    /// <summary>Bytes that may be written; null where the system does not say, as for a share without a letter.</summary>
    public static long? Free(string folder)
    {
        string? place = Path.GetFullPath(folder);
        while (place is not null && !Directory.Exists(place))
        {
            place = Path.GetDirectoryName(place);
        }

        try
        {
            // Windows asks for a drive; elsewhere any folder stands for the file system that it is on.
            return place is null ? null : new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(place)! : place).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
