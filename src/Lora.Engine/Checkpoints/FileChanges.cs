namespace Lora.Checkpoints;

/// <summary>
/// Renames and removes files. Under Windows a scanner, an indexer or a cloud's client holds a fresh file open for some milliseconds: what fails for
/// that is tried again for half a second, and then the failure names the file.
/// </summary>
internal static class FileChanges
{
    // Windows' ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION and ERROR_USER_MAPPED_FILE; .NET gives no other system's failures these numbers.
    private static readonly int[] Open = [unchecked((int)0x80070020), unchecked((int)0x80070021), unchecked((int)0x800704C8)];

    // What Windows says of a folder in which a file is open, and of what may not be changed at all.
    private const int AccessDenied = unchecked((int)0x80070005);

    private static readonly int[] Waits = [50, 100, 150, 200]; // milliseconds

    /// <summary>Renames a file.</summary>
    /// <exception cref="IOException">Also where a file is open in another program, by name.</exception>
    public static void Move(string from, string to, bool overwrite = false) => Try(() => File.Move(from, to, overwrite), File.Exists(to) ? to : from, Thread.Sleep, OperatingSystem.IsWindows());

    /// <summary>Renames a folder.</summary>
    /// <inheritdoc cref="Move"/>
    public static void MoveFolder(string from, string to) => Try(() => Directory.Move(from, to), from, Thread.Sleep, OperatingSystem.IsWindows());

    /// <summary>Removes a file, one that is read-only too.</summary>
    /// <inheritdoc cref="Move"/>
    public static void Delete(string path)
    {
        if (File.Exists(path))
        {
            MakeWritable(path);
            Try(() => File.Delete(path), path, Thread.Sleep, OperatingSystem.IsWindows());
        }
    }

    /// <summary>Removes a folder with all that is in it, read-only files too.</summary>
    /// <inheritdoc cref="Move"/>
    public static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.GetFiles(path, "*", SearchOption.AllDirectories).ToList().ForEach(Delete);
            Try(() => Directory.Delete(path, recursive: true), path, Thread.Sleep, OperatingSystem.IsWindows());
        }
    }

    /// <summary>Does a change, and again after a wait where another program has the file open.</summary>
    /// <param name="change">What is done.</param>
    /// <param name="path">What a failure names.</param>
    /// <param name="wait">Waits so many milliseconds.</param>
    /// <param name="isWindows">Whether a denied access may be an open file.</param>
    internal static void Try(Action change, string path, Action<int> wait, bool isWindows)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                change();
                return;
            }
            catch (IOException exception) when (Open.Contains(exception.HResult))
            {
                if (attempt == Waits.Length)
                {
                    throw new IOException($"'{path}' is open in another program.", exception);
                }
            }
            catch (Exception exception) when (isWindows && exception.HResult == AccessDenied && attempt < Waits.Length)
            {
                // Perhaps open; if not, the last attempt says so.
            }

            wait(Waits[attempt]);
        }
    }

    // Only Windows refuses to remove a read-only file.
    private static void MakeWritable(string path)
    {
        FileAttributes attributes = File.GetAttributes(path);
        if (OperatingSystem.IsWindows() && attributes.HasFlag(FileAttributes.ReadOnly))
        {
            File.SetAttributes(path, attributes & ~FileAttributes.ReadOnly);
        }
    }
}
