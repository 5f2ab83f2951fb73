namespace Lora.Checkpoints;

/// <summary>
/// A folder that is about to be written to. It is made when it is not there, with every folder on the way; at the end those that were made and in
/// which nothing came to lie are taken away again.
/// </summary>
internal sealed class OutputFolder : IDisposable
{
    private const string Trial = ".trial";
    private const string DeviceName = @"\\.\";

    private readonly Stack<string> made = new();

    /// <param name="folder">Its path.</param>
    /// <exception cref="IOException">It cannot be made: a file is in its way, or the name belongs to a device.</exception>
    public OutputFolder(string folder)
    {
        string full = Path.GetFullPath(folder);
        if (full.StartsWith(DeviceName, StringComparison.Ordinal))
        {
            // What Windows makes of 'con' and 'nul'; to write there succeeds, and nothing is kept.
            throw new IOException($"'{Path.GetFileName(full)}' is the name of a device.");
        }

        try
        {
            Make(full);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why files cannot be written into a folder, found out by trying; null when they can. Everything is as it was afterwards.</summary>
    public static string? WhyNot(string folder)
    {
        try
        {
            using OutputFolder output = new(folder);
            Leftovers.RemoveFiles(folder, Trial, TimeSpan.Zero); // of processes that were killed here
            using FileStream trial = new(
                Leftovers.NameFor(Path.Combine(folder, Trial)),
                new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose });

            // A full disk lets files be made, and not be written.
            trial.WriteByte(0);
            trial.Flush(flushToDisk: true);
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // ArgumentException: a character that no path can have.
            return exception.Message;
        }
    }

    /// <summary>Takes away what was made and is empty.</summary>
    public void Dispose()
    {
        try
        {
            while (made.TryPop(out string? folder))
            {
                Directory.Delete(folder);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Something lies in it: that was the purpose.
            made.Clear();
        }
    }

    private void Make(string folder)
    {
        if (Directory.Exists(folder))
        {
            return;
        }

        if (Path.GetDirectoryName(folder) is string parent)
        {
            Make(parent);
        }

        Directory.CreateDirectory(folder);
        made.Push(folder);
    }
}
