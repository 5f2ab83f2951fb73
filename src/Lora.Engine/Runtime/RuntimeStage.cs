using Lora.Checkpoints;

namespace Lora.Runtime;

/// <summary>
/// A folder beside that of a runtime, in which its files are written; then it takes its name. No moment shows half of one: between the rename of an
/// old runtime and that of a new one there is none.
/// </summary>
internal sealed class RuntimeStage : IDisposable
{
    private readonly string folder;

    /// <param name="folder">The runtime's folder. Only one process at a time has a stage for it.</param>
    public RuntimeStage(string folder)
    {
        this.folder = folder;
        Path = NewName();
        Directory.CreateDirectory(Path);
    }

    /// <summary>Where files are written.</summary>
    public string Path { get; }

    /// <summary>Puts the files in their place.</summary>
    /// <exception cref="IOException">A folder could not be renamed, as one in which a session of Windows has libraries open; the old one is as it was.</exception>
    public void Publish()
    {
        string old = NewName();
        bool isNew = !Directory.Exists(folder);
        if (!isNew)
        {
            FileChanges.MoveFolder(folder, old);
        }

        try
        {
            FileChanges.MoveFolder(Path, folder);
        }
        catch (Exception exception) when (!isNew && exception is IOException or UnauthorizedAccessException)
        {
            FileChanges.MoveFolder(old, folder);
            throw;
        }

        RemoveLeftovers(folder);
    }

    /// <summary>Removes what killed processes wrote, and old runtimes.</summary>
    public static void RemoveLeftovers(string folder) => Leftovers.RemoveFolders(System.IO.Path.GetDirectoryName(folder)!, Leftovers.FolderName(folder));

    /// <inheritdoc/>
    public void Dispose() => Leftovers.Attempt(() => FileChanges.DeleteFolder(Path));

    private string NewName() => Leftovers.NameFor(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(folder)!, Leftovers.FolderName(folder)));
}
