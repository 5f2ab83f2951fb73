using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>
/// The cache of Hugging Face's tools, as a place to find models and adapters: a folder a model, <c>models--org--name</c>. Nothing is written, and nothing
/// goes out.
/// </summary>
public sealed class HubCache
{
    /// <param name="folder">The cache's folder; it need not be there.</param>
    public HubCache(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Folder = folder;
    }

    /// <summary>The cache that the environment names: HF_HUB_CACHE, HF_HOME or XDG_CACHE_HOME, else <c>~/.cache/huggingface/hub</c>.</summary>
    public static HubCache Default => new(new HubEnvironment().Cache);

    /// <summary>The cache's folder.</summary>
    public string Folder { get; }

    /// <summary>The models, or the adapters, that are there, in the order of their names.</summary>
    /// <param name="adapters">Whether adapters are meant.</param>
    public IEnumerable<CachedModel> Models(bool adapters) => (Directory.Exists(Folder) ? Directory.EnumerateDirectories(Folder, SnapshotPath.Prefix + "*") : [])
        .Order(StringComparer.Ordinal)
        .Select(CachedModel.At)
        .OfType<CachedModel>()
        .Where(model => model.IsAdapter == adapters);

    /// <summary>What is cached of a model; null when nothing is.</summary>
    /// <param name="name">The model's name, <c>org/name</c>.</param>
    public CachedModel? Find(string name) => HubModel.IsName(name) ? CachedModel.At(Path.Combine(Folder, SnapshotPath.FolderOf(name))) : null;

    /// <summary>The folder of a model that an adapter or another file names; null when it is not here.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="revision">A branch, a tag or a commit; null for main.</param>
    public string? Find(string name, string? revision) => Find(name)?.Find(revision);

    /// <summary>The folder of a model that the user names.</summary>
    /// <inheritdoc cref="Find(string, string?)"/>
    /// <exception cref="LoraException">ModelNotCached, RevisionNotCached, RevisionAmbiguous, SnapshotIncomplete, or HubSettingInvalid for a cache that is a file.</exception>
    public string Snapshot(string name, string? revision)
    {
        if (Find(name) is CachedModel model)
        {
            return model.Snapshot(revision);
        }

        Check();
        throw LoraException.Of(LoraError.ModelNotCached, name, name, Folder, Install(name, revision));
    }

    /// <summary>Refuses a place that can be no folder.</summary>
    /// <exception cref="LoraException">HubSettingInvalid: it is a file, or in one.</exception>
    internal void Check()
    {
        for (string? place = Path.GetFullPath(Folder); place is not null; place = Path.GetDirectoryName(place))
        {
            if (File.Exists(place))
            {
                throw LoraException.Of(LoraError.HubSettingInvalid, place, $"The cache of models, '{Folder}',", $"cannot be there: '{place}' is a file. HF_HOME and HF_HUB_CACHE name folders");
            }
        }
    }

    /// <summary>The folder that a path means: of a model's folder in a cache, <c>models--org--name</c>, its snapshot; of any other path the path.</summary>
    /// <param name="path">A full path of something that is there.</param>
    /// <param name="revision">A branch, a tag or a commit; null for main.</param>
    /// <exception cref="LoraException">RevisionNotCached, RevisionAmbiguous, SnapshotIncomplete; ConfigConflict for a revision of what has none.</exception>
    public static string Resolve(string path, string? revision = null) => CachedModel.At(path) is CachedModel model ? model.Snapshot(revision)
        : revision is null ? path
        : throw LoraException.Of(LoraError.ConfigConflict, revision, $"-Revision '{revision}' is of a model by its name on a hub, and '{path}' is a path");

    /// <summary>The folder of the base model that a configuration names as a hub does.</summary>
    /// <exception cref="LoraException">ModelNotKnown: it names none; else what <see cref="Snapshot"/> throws.</exception>
    public string BaseOf(LoraConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.BaseModelNameOrPath is string name && HubModel.IsName(name)
            ? Snapshot(name, config.Revision)
            : throw LoraException.Of(LoraError.ModelNotKnown, config);
    }

    /// <summary>Whether a text is a model's name with its owner, as paths may be too: <c>org/name</c>.</summary>
    public static bool IsHubName(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Contains('/', StringComparison.Ordinal) && HubModel.IsName(text);
    }

    /// <summary>The command that downloads a model.</summary>
    public static string Install(string name, string? revision) => $"Install-LoraModel {name}{(revision is null ? "" : $" -Revision {revision}")}";
}
