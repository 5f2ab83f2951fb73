namespace Lora.Checkpoints;

/// <summary>A file that one process holds at a time. The system lets go of it with the process, however that ends.</summary>
internal static class LockFile
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits until nobody else, also of another program, holds a file, and holds it.</summary>
    /// <param name="path">The file; it is made, with its folder.</param>
    /// <param name="waiting">Called once when there is somebody.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="removes">Whether the file goes when it is let go.</param>
    /// <returns>The file; it is let go when it is disposed.</returns>
    /// <exception cref="IOException">Nothing can be written there.</exception>
    public static async Task<FileStream> HoldAsync(string path, Action waiting, CancellationToken cancellation, bool removes = false)
    {
        string folder = Path.GetDirectoryName(path)!;
        FileStreamOptions options = new()
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            Options = removes ? FileOptions.DeleteOnClose : FileOptions.None,
        };
        bool wasGone = false;
        for (bool isFirst = true; ; isFirst = false)
        {
            Directory.CreateDirectory(folder);
            try
            {
                // .NET holds what is not shared by flock, as other programs do; Windows does not open it twice.
                return new(path, options);
            }
            // Its subclasses say something else: a folder that is not there, or a path that is too long. Whoever held it may have removed both just now.
            catch (IOException exception) when ((exception.GetType() == typeof(IOException) && File.Exists(path)) || !wasGone)
            {
                wasGone = !File.Exists(path);
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
