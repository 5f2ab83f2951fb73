using Lora.Hub;

namespace Lora.Commands;

/// <summary>
/// Where a model or an adapter is that a text names: a path, or a name as hubs have it, <c>org/name</c>, of which the cache has something. What is there by
/// a path is never taken for a name, and nothing is downloaded.
/// </summary>
internal static class NamedPlace
{
    /// <summary>Full paths of what is named, at least one; of a model's folder in a cache, its snapshot.</summary>
    /// <param name="text">A path, with wildcards, or a name.</param>
    /// <param name="paths">Finds what the path names.</param>
    /// <param name="revision">A branch, a tag or a commit of what is cached; null for main.</param>
    /// <exception cref="LoraException">PathNotFound, PathNotFileSystem, HubNameInvalid, ModelNotCached, RevisionNotCached, RevisionAmbiguous, SnapshotIncomplete, or
    /// ConfigConflict.</exception>
    public static IReadOnlyList<string> All(string text, PathResolver paths, string? revision = null)
    {
        HubCache cache = HubCache.Default;
        if (paths.IsThere(text))
        {
            return Snapshots();
        }

        HubModel.RefuseAddress(text);
        return IsName(text) || cache.Find(text) is not null ? [cache.Snapshot(text, revision)] : Snapshots();

        IReadOnlyList<string> Snapshots() => [.. paths.All(text).Select(path => HubCache.Resolve(path, revision))];
    }

    /// <summary>Where the model is that a module belongs to: its path or, where it was listed from a hub, its folder in the cache.</summary>
    /// <param name="model">What <see cref="LoraModuleInfo.Model"/> says.</param>
    /// <param name="paths">Finds what the path names.</param>
    /// <exception cref="LoraException">As of <see cref="All"/>.</exception>
    public static string OfModule(string model, PathResolver paths) => model.Split('@', 2) switch
    {
        // Get-LoraModule -Remote writes name@revision; in a path an @ is a letter like any other.
        [string name, string revision] when HubCache.IsHubName(name) => All(name, paths, revision)[0],
        [string name] when HubCache.IsHubName(name) => All(name, paths)[0],
        _ => paths.Literal(model),
    };

    // Without an owner, as gpt2: the oldest models of the hub. What has a dot is more likely a file's name.
    private static bool IsName(string text) => HubCache.IsHubName(text) || (HubModel.IsName(text) && !text.Contains('.', StringComparison.Ordinal));

    /// <summary>The one full path of what is named.</summary>
    /// <exception cref="LoraException">As of <see cref="All"/>, or PathAmbiguous.</exception>
    public static string One(string text, PathResolver paths) => All(text, paths) switch
    {
        [string only] => only,
        { Count: int count } => throw LoraException.Of(LoraError.PathAmbiguous, text, text, count),
    };
}
