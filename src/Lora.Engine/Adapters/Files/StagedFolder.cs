using System.Diagnostics;
using System.Text;

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
    private readonly bool isNew;

    /// <param name="folder">The target, which need not be there.</param>
    public StagedFolder(string folder)
    {
        this.folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        isNew = !Directory.Exists(this.folder);
        string name = $".{Path.GetFileName(this.folder)}.{Path.GetRandomFileName()}.tmp";

        // Within a folder that is there, so that both lie on one volume and a rename is one step.
        stage = Path.Combine(isNew ? Path.GetDirectoryName(this.folder)! : this.folder, name);
        Directory.CreateDirectory(stage);
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
            Directory.Move(stage, folder);
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
            if (Directory.Exists(stage))
            {
                Directory.Delete(stage, recursive: true);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The files are in their place, or the failure is on its way to the caller; this one would hide it.
            Trace.TraceWarning(exception.Message);
        }
    }

    private void Replace(string path, Stack<Action> undo)
    {
        string target = Path.Combine(folder, Path.GetRelativePath(stage, path));
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        PutAside(target, undo);
        File.Move(path, target);
        undo.Push(() => File.Delete(target));
    }

    /// <summary>Takes a file out of the target, if it is there; <see cref="Dispose"/> removes it.</summary>
    private void PutAside(string target, Stack<Action> undo)
    {
        if (File.Exists(target))
        {
            string old = Path.Combine(stage, OldFiles, Path.GetRelativePath(folder, target));
            Directory.CreateDirectory(Path.GetDirectoryName(old)!);
            File.Move(target, old);
            undo.Push(() => File.Move(old, target));
        }
    }
}
