namespace Lora.Checkpoints;

/// <summary>
/// The folder in which Hugging Face's tools keep what they downloaded: <c>models--org--name/snapshots/REVISION</c>, with the revision of a branch in
/// <c>refs/main</c>. A model's id can be read off such a path, and a path found for an id.
/// </summary>
public static class HubCache
{
    private const string Prefix = "models--";
    private const string Snapshots = "snapshots";
    private const long MostBytes = 1000; // of a file that holds one revision

    /// <summary>The model's id and revision that a path in a cache stands for; null for other paths.</summary>
    public static (string Name, string Revision)? Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        DirectoryInfo snapshot = new(Path.TrimEndingDirectorySeparator(path));
        return snapshot.Parent is { Name: Snapshots, Parent: DirectoryInfo repository } && repository.Name.StartsWith(Prefix, StringComparison.Ordinal)
            ? (repository.Name[Prefix.Length..].Replace("--", "/", StringComparison.Ordinal), snapshot.Name)
            : null;
    }

    /// <summary>The folder of a model that was downloaded; null when it is not in the cache.</summary>
    /// <param name="name">The model's id, for example <c>org/name</c>.</param>
    /// <param name="revision">A revision or a branch; null for main.</param>
    public static string? Find(string name, string? revision = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        revision ??= "main";
        if (name.Split('/') is not ([_] or [_, _]) || !IsSafe(name) || !IsSafe(revision))
        {
            return null;
        }

        string repository = Path.Combine(Root(), Prefix + name.Replace("/", "--", StringComparison.Ordinal));
        string reference = Path.Combine(repository, "refs", revision); // a branch's name may have parts, as refs/pr/1 has
        string commit = File.Exists(reference) ? RegularFile.ReadAllText(reference, MostBytes).Trim() : revision;
        string folder = Path.Combine(repository, Snapshots, commit);
        return IsSafe(commit) && Directory.Exists(folder) ? folder : null;
    }

    // Names and revisions come from configurations of adapters that others made, and what refs hold from files: none leads out of the cache.
    private static bool IsSafe(string part) =>
        part.Length > 0
        && !part.AsSpan().ContainsAny(Path.GetInvalidFileNameChars().Where(c => c != '/').ToArray())
        && part.Split('/').All(piece => piece.Length > 0 && piece != "." && !piece.Contains("..", StringComparison.Ordinal));

    /// <summary>The configuration with the id of a model that lies in the cache, in place of a path that means nothing elsewhere.</summary>
    internal static LoraConfig Named(LoraConfig config) =>
        (config.BaseModelNameOrPath ?? config.Model) is string path && Of(path) is (string name, string revision)
            ? config with { BaseModelNameOrPath = name, Revision = config.Revision ?? revision }
            : config;

    private static string Root() =>
        Environment.GetEnvironmentVariable("HF_HUB_CACHE")
        ?? (Environment.GetEnvironmentVariable("HF_HOME") is string home ? Path.Combine(home, "hub")
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface", "hub"));
}
