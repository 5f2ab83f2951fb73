using System.Text;

namespace Lora.Tests.Hubs;

/// <summary>A model on the local hub: its files by commit, and who may have them.</summary>
/// <param name="Name">The model's name, <c>org/name</c>.</param>
public sealed record LocalRepository(string Name)
{
    private readonly Dictionary<string, string> references = [];
    private readonly Dictionary<string, IReadOnlyDictionary<string, LocalFile>> commits = [];

    /// <summary>Whether only who has the token sees it.</summary>
    public bool IsPrivate { get; set; }

    /// <summary>Whether only those whom the owner has let in may have its files.</summary>
    public bool IsGated { get; set; }

    /// <summary>Whether who has the token was let in.</summary>
    public bool LetsIn { get; set; }

    /// <summary>The newest commit of main.</summary>
    public string Commit => references["main"];

    /// <summary>The files of the newest commit of main.</summary>
    public IReadOnlyDictionary<string, LocalFile> Files => commits[Commit];

    /// <summary>Makes a commit of files, in place of those that were there.</summary>
    /// <returns>The commit.</returns>
    public string Push(IReadOnlyDictionary<string, LocalFile> files, string revision = "main")
    {
        ArgumentNullException.ThrowIfNull(files);
        string content = $"{Name} {commits.Count} {string.Join(' ', files.OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => file.Key + file.Value.ETag))}";
        string commit = LocalFile.Sha1(Encoding.UTF8.GetBytes(content));
        commits[commit] = new Dictionary<string, LocalFile>(files);
        references[revision] = commit;
        return commit;
    }

    /// <summary>Makes a commit of a folder's files.</summary>
    public string Push(string folder, string revision = "main") => Push(
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(folder, file).Replace('\\', '/'),
            file => new LocalFile(File.ReadAllBytes(file), isLarge: file.EndsWith(".safetensors", StringComparison.Ordinal) ? true : null)),
        revision);

    /// <summary>A revision's commit; null where there is none.</summary>
    public string? Find(string revision) => references.GetValueOrDefault(revision) ?? (commits.ContainsKey(revision) ? revision : null);

    /// <summary>A commit's files.</summary>
    public IReadOnlyDictionary<string, LocalFile> FilesOf(string commit) => commits[commit];
}
