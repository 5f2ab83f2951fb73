using System.Diagnostics;
using System.Text;

namespace Lora.Checkpoints;

/// <summary>
/// Files that belong together and are published together: they are written into a temporary folder beside their target, then renamed. When a rename
/// fails, those before it are undone; when the process dies between two, the next one that looks into the folder does the rest (<see cref="FolderChange"/>).
/// </summary>
internal sealed class StagedFolder : IDisposable
{
    private readonly string folder;
    private readonly string stage;
    private readonly FileStream held;
    private readonly Action<string> warn;
    private readonly bool isNew;
    private OutputFolder? place;

    /// <param name="folder">The target, which need not be there.</param>
    /// <param name="warn">Told of what could not be removed; null: it is traced.</param>
    public StagedFolder(string folder, Action<string>? warn = null)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        isNew = !Directory.Exists(full);
        // A link stays a link: what changes is the folder that it leads to.
        this.folder = isNew ? full : Directory.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
        FolderChange.Finish(this.folder);
        this.warn = warn ?? (text => Trace.TraceWarning(text));
        (stage, held) = MakeStage();
    }

    /// <summary>Where a file is written until it is published.</summary>
    public string PathOf(string name) => Path.Combine(stage, name);

    public void WriteText(string name, string text)
    {
        using FileStream stream = new(PathOf(name), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Puts the files in their place.</summary>
    /// <param name="outdated">Files of the target that go, unless they are among those that come.</param>
    /// <exception cref="IOException">A file could not be renamed; the target is as it was.</exception>
    public void Publish(IEnumerable<string>? outdated = null)
    {
        if (isNew)
        {
            // One rename brings all files of a folder that was not there: there is no half of it to note.
            FileChanges.MoveFolder(stage, folder);
            RemoveLeftovers();
            return;
        }

        FolderChange change = new(folder, stage);
        change.Begin(outdated ?? []);
        change.Make();
        RemoveLeftovers();
    }

    /// <summary>Removes what was not published and the files that were replaced.</summary>
    public void Dispose()
    {
        try
        {
            // The lock goes last: without it others would take the folder for a dead writer's and remove it too.
            FileChanges.DeleteFolder(stage);
            held.Dispose();
            FileChanges.Delete(held.Name);
            place?.Dispose(); // folders on the way to one that did not come
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The files are in their place, or the failure is on its way to the caller; this one would hide it.
            held.Dispose();
            warn($"What was replaced could not be removed: {exception.Message} It is in '{stage}', and goes with the next writing.");
        }
    }

    // Beside the folder, so that whatever cannot be removed is not inside it; within it where that is another volume, or may not be written.
    private (string Stage, FileStream Held) MakeStage()
    {
        string? parent = Path.GetDirectoryName(folder);
        if (isNew)
        {
            return MakeStage(parent ?? throw new IOException($"'{folder}' cannot be a folder."));
        }

        try
        {
            return MakeStage(parent is null || IsMountPoint() ? folder : parent);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return MakeStage(folder);
        }
    }

    private (string Stage, FileStream Held) MakeStage(string beside)
    {
        place = new OutputFolder(beside);
        FileStream? stream = null;
        try
        {
            string path = Leftovers.NameFor(Path.Combine(beside, Leftovers.FolderName(folder)));
            // The lock comes before the folder, since a folder without one is taken for a dead writer's.
            stream = new(Leftovers.LockOf(path), FileMode.CreateNew, FileAccess.Write, FileShare.None);
            Directory.CreateDirectory(path);
            return (path, stream);
        }
        catch
        {
            if (stream is not null)
            {
                stream.Dispose();
                File.Delete(stream.Name);
            }

            place.Dispose();
            throw;
        }
    }

    private bool IsMountPoint() => DriveInfo.GetDrives().Any(drive => Path.TrimEndingDirectorySeparator(drive.Name) == folder);

    private void RemoveLeftovers()
    {
        Leftovers.RemoveFiles(folder);
        Leftovers.RemoveFolders(folder, Leftovers.FolderName(folder));
        if (Path.GetDirectoryName(folder) is { } parent)
        {
            Leftovers.RemoveFolders(parent, Leftovers.FolderName(folder));
        }
    }
}
