namespace Lora.Checkpoints;

/// <summary>
/// Paths in the cache of Hugging Face's tools, <c>models--org--name/snapshots/COMMIT</c>: a model's name and commit can be read off them.
/// </summary>
public static class SnapshotPath
{
    /// <summary>What the name of a model's folder in the cache begins with.</summary>
    internal const string Prefix = "models--";

    /// <summary>The folder in it that has a folder a commit.</summary>
    internal const string Snapshots = "snapshots";

    /// <summary>The model's name and commit that a path in a cache stands for; null for other paths.</summary>
    public static (string Name, string Revision)? Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        DirectoryInfo snapshot = new(Path.TrimEndingDirectorySeparator(path));
        return snapshot.Parent is { Name: Snapshots, Parent: DirectoryInfo repository } && repository.Name.StartsWith(Prefix, StringComparison.Ordinal)
            ? (NameOf(repository.Name), snapshot.Name)
            : null;
    }

    /// <summary>The name of the model whose folder is called so.</summary>
    internal static string NameOf(string folder) => folder[Prefix.Length..].Replace("--", "/", StringComparison.Ordinal); // hubs have no -- in names

    /// <summary>What the folder of a model is called.</summary>
    internal static string FolderOf(string name) => Prefix + name.Replace("/", "--", StringComparison.Ordinal);

    /// <summary>The configuration with the name of a model that lies in the cache, in place of a path that means nothing elsewhere.</summary>
    internal static LoraConfig Named(LoraConfig config) =>
        (config.BaseModelNameOrPath ?? config.Model) is string path && Of(path) is (string name, string revision)
            ? config with { BaseModelNameOrPath = name, Revision = config.Revision ?? revision }
            : config;
}
