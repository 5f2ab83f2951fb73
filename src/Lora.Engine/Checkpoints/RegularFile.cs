namespace Lora.Checkpoints;

/// <summary>
/// Opens files that are read to their end. Pipes and devices may never end, and a pipe may wait for ever when it is opened; both state a
/// length of zero, by which they are told and refused unopened.
/// </summary>
internal static class RegularFile
{
    /// <summary>Whether a file has content; false for pipes and devices. A link is followed.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static bool HasContent(string path) => Length(path) > 0;

    /// <summary>Opens a file for reading from its beginning.</summary>
    /// <param name="path">The file, or a link to it.</param>
    /// <param name="longest">Bytes that it may have.</param>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static FileStream Open(string path, long longest = long.MaxValue)
    {
        long length = Length(path);
        if (length == 0)
        {
            throw LoraException.Of(LoraError.FileUnreadable, path, path, "it is empty, or a pipe or a device.");
        }

        if (length > longest)
        {
            throw LoraException.Of(LoraError.FileUnreadable, path, path, $"it has {length} bytes; expected are at most {longest}.");
        }

        return Named(path, () => File.OpenRead(path));
    }

    /// <summary>Reads a text file whole.</summary>
    /// <param name="path">The file, or a link to it.</param>
    /// <param name="longest">Bytes that it may have.</param>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static string ReadAllText(string path, long longest)
    {
        using StreamReader reader = new(Open(path, longest));
        return Named(path, reader.ReadToEnd);
    }

    /// <summary>Bytes of a file, or of what a link leads to, whose own length is that of its text.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static long Length(string path) => Named(path, () => LengthOf(path) ?? throw LoraException.Of(LoraError.PathNotFound, path, path));

    /// <summary>The same; null where there is no file, or a link leads to none.</summary>
    /// <exception cref="IOException">The system does not say.</exception>
    public static long? LengthOf(string path)
    {
        FileInfo file = new(path);
        FileInfo target = file.Exists && file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo linked ? linked : file;
        return target.Exists ? target.Length : null;
    }

    private static T Named<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }
}
