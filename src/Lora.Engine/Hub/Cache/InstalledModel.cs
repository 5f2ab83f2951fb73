using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>A model that is in a cache, described as a download describes what it brought.</summary>
public static class InstalledModel
{
    /// <summary>Finds it as it was downloaded last; nobody is asked.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="revision">A branch, a tag or a commit; null for main.</param>
    /// <exception cref="LoraException">What <see cref="HubCache.Snapshot"/> throws, or HubNameInvalid.</exception>
    public static LoraInstalledModel Find(HubCache cache, string name, string? revision)
    {
        ArgumentNullException.ThrowIfNull(cache);
        HubModel model = new(name, revision);
        string folder = cache.Snapshot(model.Name, revision);
        string[] files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        return new()
        {
            Name = model.Name,
            Revision = model.Revision,
            Commit = Path.GetFileName(folder),
            Path = folder,
            File = [.. files.Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/')).Order(StringComparer.Ordinal)],
            Size = files.Sum(file => RegularFile.LengthOf(file) ?? 0),
        };
    }
}
