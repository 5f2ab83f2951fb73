using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>
/// A model, or an adapter, in a cache: its files by commit in <c>snapshots</c>, and in <c>refs</c> a file a branch or tag with the commit that it stood at
/// when it was downloaded.
/// </summary>
public sealed class CachedModel
{
    private const string References = "refs";
    private const string AdapterConfig = "adapter_config.json";
    private const string Main = "main";
    private const long MostBytes = 1000; // of a file that holds one commit
    private const int FewestLetters = 4; // of a commit, as git has it
    private const int ShownLetters = 8;

    private readonly string snapshots;
    private readonly string references;

    private CachedModel(string folder)
    {
        Folder = folder;
        Name = SnapshotPath.NameOf(Path.GetFileName(folder));
        snapshots = Path.Combine(folder, SnapshotPath.Snapshots);
        references = Path.Combine(folder, References);
    }

    /// <summary>The model's name, <c>org/name</c>.</summary>
    public string Name { get; }

    /// <summary>Its folder in the cache.</summary>
    public string Folder { get; }

    /// <summary>The commits that are there, whole or in part.</summary>
    public IReadOnlyList<string> Commits => [.. Directory.EnumerateDirectories(snapshots).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>The branches and tags that were downloaded.</summary>
    public IReadOnlyList<string> Revisions => !Directory.Exists(references) ? []
        : [.. Directory.EnumerateFiles(references, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(references, file).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    /// <summary>Whether it is an adapter.</summary>
    internal bool IsAdapter => Commits.Any(commit => File.Exists(Path.Combine(snapshots, commit, AdapterConfig)));

    /// <summary>What a folder of a cache holds; null for a folder of another kind.</summary>
    public static CachedModel? At(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string full = Path.TrimEndingDirectorySeparator(folder);
        return Path.GetFileName(full).StartsWith(SnapshotPath.Prefix, StringComparison.Ordinal) && Directory.Exists(Path.Combine(full, SnapshotPath.Snapshots)) ? new(full) : null;
    }

    /// <summary>The folder of a revision; null when it is not here, or is not the only one that fits.</summary>
    /// <param name="revision">A branch, a tag or a commit, whole or its beginning; null for main or, where main was not downloaded, for the only commit.</param>
    public string? Find(string? revision) => CommitsOf(revision) is [string commit] ? Path.Combine(snapshots, commit) : null;

    /// <summary>The folder of a revision, whose files are all there as far as they tell.</summary>
    /// <inheritdoc cref="Find"/>
    /// <exception cref="LoraException">RevisionNotCached, RevisionAmbiguous or SnapshotIncomplete.</exception>
    public string Snapshot(string? revision)
    {
        string[] commits = CommitsOf(revision);
        if (commits.Length != 1)
        {
            throw commits.Length == 0
                ? LoraException.Of(LoraError.RevisionNotCached, revision ?? Name, Name, Folder, revision ?? Main, Listed(Commits), HubCache.Install(Name, revision))
                : LoraException.Of(LoraError.RevisionAmbiguous, revision ?? Name, Name, Folder, revision ?? Main, Listed(commits));
        }

        string snapshot = Path.Combine(snapshots, commits[0]);
        return SnapshotFiles.Missing(snapshot) is { Count: > 0 } missing
            ? throw LoraException.Of(LoraError.SnapshotIncomplete, Name, Name, snapshot, string.Join(", ", missing), HubCache.Install(Name, revision))
            : snapshot;
    }

    private string[] CommitsOf(string? revision)
    {
        IReadOnlyList<string> there = Commits;
        // Revisions come from adapters that others made too: none leads out of the cache.
        if (revision is not null && !HubModel.IsRevision(revision))
        {
            return [];
        }

        string reference = Path.Combine(references, revision ?? Main); // a branch's name may have parts, as refs/pr/1 has
        return File.Exists(reference) ? [.. there.Where(RegularFile.ReadAllText(reference, MostBytes).Trim().Equals)]
            : revision is null ? [.. there]
            : there.Contains(revision) ? [revision]
            : revision.Length >= FewestLetters ? [.. there.Where(commit => commit.StartsWith(revision, StringComparison.OrdinalIgnoreCase))]
            : [];
    }

    /// <summary>Commits, short, with what they are called.</summary>
    private string Listed(IEnumerable<string> commits)
    {
        ILookup<string, string> names = Revisions.ToLookup(name => RegularFile.ReadAllText(Path.Combine(references, name), MostBytes).Trim());
        string[] listed = [.. commits.Select(commit => names[commit].Any() ? $"{Short(commit)} ({string.Join(", ", names[commit])})" : Short(commit))];
        return listed.Length > 0 ? string.Join(", ", listed) : "none";
    }

    private static string Short(string commit) => commit.Length > ShownLetters ? commit[..ShownLetters] : commit;
}
