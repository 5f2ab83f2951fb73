using System.Diagnostics;
using System.Text;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>
/// Files that belong together and are published together: they are written into a temporary folder beside their target, then renamed.
/// When a rename fails, those before it are undone.
/// </summary>
internal sealed class StagedFolder : IDisposable
{
    private const string OldFiles = ".old";
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
        this.folder = isNew ? full : Directory.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
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
            FileChanges.MoveFolder(stage, folder);
            RemoveLeftovers();
            return;
        }

        Stack<Action> undo = new();
        try
        {
            string[] staged = [.. Directory.GetFiles(stage, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
            foreach (string path in outdated ?? [])
            {
                PutAside(path, undo);
            }

            foreach (string path in staged)
            {
                Replace(path, undo);
            }

            RemoveLeftovers();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            while (undo.TryPop(out Action? step))
            {
                step();
            }

            throw;
        }
    }

    /// <summary>Removes what was not published and the files that were replaced.</summary>
    public void Dispose()
    {
        try
        {
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

    /// <summary>The folder's own name does for the temporary one's, hidden where a dot hides.</summary>
    private string StageName => "." + Path.GetFileName(folder);

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
            string path = Leftovers.NameFor(Path.Combine(beside, StageName));
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
        Leftovers.RemoveFolders(folder, StageName);
        if (Path.GetDirectoryName(folder) is { } parent)
        {
            Leftovers.RemoveFolders(parent, StageName);
        }
    }

    private void Replace(string path, Stack<Action> undo)
    {
        string target = Path.Combine(folder, Path.GetRelativePath(stage, path));
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        PutAside(target, undo);
        FileChanges.Move(path, target);
        undo.Push(() => FileChanges.Delete(target));
    }

    /// <summary>Takes a file out of the target, if it is there; <see cref="Dispose"/> removes it.</summary>
    private void PutAside(string target, Stack<Action> undo)
    {
        if (File.Exists(target))
        {
            string old = Path.Combine(stage, OldFiles, Path.GetRelativePath(folder, target));
            Directory.CreateDirectory(Path.GetDirectoryName(old)!);
            FileChanges.Move(target, old);
            undo.Push(() => FileChanges.Move(old, target));
        }
    }
}
