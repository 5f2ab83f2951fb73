using Lora.Checkpoints;
using Lora.Hub;
using Lora.Tests.Checkpoints;

namespace Lora.Tests.Hub;

/// <summary>A cache as huggingface_hub lays it out: blobs by their hash, snapshots of relative links to them, and refs.</summary>
internal sealed class CacheFolder : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public CacheFolder() => Cache = new(folder.Path);

    public HubCache Cache { get; }

    public string Path => folder.Path;

    /// <summary>Adds a commit of a model with one safetensors file, and what is called so.</summary>
    public string Add(string name, string commit, params string[] references)
    {
        string snapshot = AddEmpty(name, commit, references);
        AddFile(name, commit, "config.json", "{}"u8.ToArray());
        AddFile(name, commit, "model.safetensors", SafetensorsBytes.OfVectors("a.weight"));
        return snapshot;
    }

    /// <summary>Adds a commit without files.</summary>
    public string AddEmpty(string name, string commit, params string[] references)
    {
        foreach (string reference in references)
        {
            string file = System.IO.Path.Combine(Repository(name), "refs", reference);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
            File.WriteAllText(file, commit);
        }

        return Directory.CreateDirectory(System.IO.Path.Combine(Repository(name), "snapshots", commit)).FullName;
    }

    /// <summary>Adds a blob and a link to it; without content the link alone, as where the blob was deleted.</summary>
    public void AddFile(string name, string commit, string file, byte[]? content)
    {
        string blob = $"blob-of-{file}-{commit}";
        string blobs = Directory.CreateDirectory(System.IO.Path.Combine(Repository(name), "blobs")).FullName;
        if (content is not null)
        {
            File.WriteAllBytes(System.IO.Path.Combine(blobs, blob), content);
        }

        File.CreateSymbolicLink(System.IO.Path.Combine(Repository(name), "snapshots", commit, file), System.IO.Path.Combine("..", "..", "blobs", blob));
    }

    public string Repository(string name) => System.IO.Path.Combine(folder.Path, SnapshotPath.FolderOf(name));

    public void Dispose() => folder.Dispose();
}
