using Lora.Checkpoints;

namespace Lora.Runtime;

/// <summary>The folder in which packages wait for the others, and in which what was fetched of one stays when the work is stopped. An empty one goes.</summary>
internal sealed class Downloads : IDisposable
{
    private readonly string folder;

    /// <param name="folder">The folder, which is made when it is not there.</param>
    public Downloads(string folder)
    {
        this.folder = folder;
        Directory.CreateDirectory(folder);
    }

    /// <summary>Bytes that are there of packages.</summary>
    public long Size => new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length);

    /// <summary>Where a package is fetched to.</summary>
    public string PathOf(RuntimePackage package) => Path.Combine(folder, $"{package.Id}.{package.Version}.nupkg".ToLowerInvariant());

    /// <summary>Removes all packages: they are installed.</summary>
    public void Clear() => FileChanges.DeleteFolder(folder);

    /// <inheritdoc/>
    public void Dispose() => Leftovers.Attempt(() =>
    {
        if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
        }
    });
}
