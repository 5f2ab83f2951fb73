using System.Diagnostics;

namespace Lora.Checkpoints;

/// <summary>Writes a file whole or not at all: into a temporary file beside the target, flushed to the disk, then renamed over it.</summary>
public static class AtomicFile
{
    /// <summary>Writes or replaces a file. When writing fails, the old file is unchanged and the temporary one is removed.</summary>
    /// <param name="path">The file; its folder exists. What killed writers of it left there goes.</param>
    /// <param name="write">Writes the content; what it throws, other than a failure of the stream, reaches the caller.</param>
    /// <param name="check">Given the path of what was written before it takes its place; what it throws keeps it from that. Null for no check.</param>
    /// <exception cref="LoraException">The system refused to write.</exception>
    public static void Write(string path, Action<Stream> write, Action<string>? check = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        string temporary = Leftovers.NameFor(path);
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                write(stream);
                // Before the rename: after a power cut the name must not stand for bytes that never came to the disk.
                stream.Flush(flushToDisk: true);
            }

            check?.Invoke(temporary);
            FileChanges.Move(temporary, path, overwrite: true);
            Leftovers.RemoveFiles(Path.GetDirectoryName(Path.GetFullPath(path))!, Path.GetFileName(path));
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            throw LoraException.From(exception, LoraError.OutputFailed, path, path, exception.Message);
        }
        finally
        {
            RemoveIfLeft(temporary);
        }
    }

    /// <summary>Whether the system refused to write. .NET has an exception of its own for a file that grows beyond what its file system holds (4 GB on FAT32).</summary>
    internal static bool IsRefusal(Exception exception) => exception is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" };

    private static void RemoveIfLeft(string temporary)
    {
        try
        {
            FileChanges.Delete(temporary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The failure that left the file is on its way to the caller; a second one would hide it.
            Trace.TraceWarning(exception.Message);
        }
    }
}
