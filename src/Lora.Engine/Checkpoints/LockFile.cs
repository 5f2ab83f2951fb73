namespace Lora.Checkpoints;

/// <summary>
/// A file that one process holds at a time. The system lets go of it with the process, however that ends. The file stays: who had opened it before it went
/// would hold another one than who makes it anew.
/// </summary>
internal static class LockFile
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits until nobody else, also of another program, holds a file, and holds it.</summary>
    /// <param name="path">The file; it is made, with its folder.</param>
    /// <param name="waiting">Called once when there is somebody.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The file; it is let go when it is disposed.</returns>
    /// <exception cref="IOException">Nothing can be written there.</exception>
    public static async Task<FileStream> HoldAsync(string path, Action waiting, CancellationToken cancellation)
    {
        string folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        for (bool isFirst = true; ; isFirst = false)
        {
            try
            {
                // .NET holds what is not shared by flock, as other programs do; Windows does not open it twice.
                return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            // Its subclasses say something else: a folder that is not there, or a path that is too long.
            catch (IOException exception) when (exception.GetType() == typeof(IOException) && File.Exists(path))
            {
                if (isFirst && OutputFolder.WhyNot(folder) is string reason)
                {
                    throw new IOException(reason, exception); // nobody holds it: nothing can be written here
                }

                if (isFirst)
                {
                    waiting();
                }
            }

            await Task.Delay(Look, cancellation).ConfigureAwait(false);
        }
    }
}
