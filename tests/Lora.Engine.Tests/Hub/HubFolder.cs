using System.Text;
using Lora.Hub;
using Lora.Tests.Hubs;

namespace Lora.Tests.Hub;

/// <summary>A local hub with one model in three shards, and a cache to download it into.</summary>
internal sealed class HubFolder : IDisposable
{
    public const string Name = "org/model";

    private const int ShardBytes = 300_000;

    private readonly TemporaryFolder folder = new();

    public HubFolder()
    {
        Repository = Hub.Add(Name, Model());
        Cache = folder.File("hub");
    }

    public LocalHub Hub { get; } = new();

    public LocalRepository Repository { get; }

    public string Cache { get; set; }

    /// <summary>The model's folder in the cache.</summary>
    public string Folder => Path.Combine(Cache, "models--org--model");

    public HubOptions Options => new()
    {
        Cache = Cache,
        Endpoint = new(Hub.Address),
        Token = HubToken.Of(Hub.Token),
        FirstWait = TimeSpan.FromMilliseconds(1),
        Timeout = TimeSpan.FromMinutes(1), // longer than a busy machine takes for any answer
    };

    /// <summary>The files that a download brings, and what lies beside them on the hub.</summary>
    public static Dictionary<string, LocalFile> Model(int seed = 0)
    {
        Random random = new(seed);
        return new()
        {
            ["config.json"] = Text($$"""{"model_type": "llama", "seed": {{seed}}}"""),
            ["tokenizer.json"] = Text("{}"),
            ["README.md"] = Text("# A model"),
            ["model.safetensors.index.json"] = Text("""{"weight_map": {}}"""),
            ["model-00001-of-00003.safetensors"] = Shard(random),
            ["model-00002-of-00003.safetensors"] = Shard(random),
            ["model-00003-of-00003.safetensors"] = Shard(random),
            ["pytorch_model.bin"] = Shard(random),
            ["pytorch_model.bin.index.json"] = Text("{}"),
            ["model.gguf"] = Shard(random),
            ["onnx/model.onnx"] = Shard(random),
        };
    }

    public async Task<LoraInstalledModel> DownloadAsync(
        HubOptions? options = null, string? revision = null, IRunObserver? observer = null, bool verifies = false, CancellationToken cancellation = default)
    {
        using HubClient client = new(options ?? Options);
        ModelDownload download = await ModelDownload.PlanAsync(client, new(Name, revision), [], [], cancellation, verifies);
        return await download.RunAsync(observer, cancellation);
    }

    public async Task<LoraException> FailureAsync(HubOptions? options = null) => await Assert.ThrowsAsync<LoraException>(() => DownloadAsync(options));

    /// <summary>Asserts that the snapshot has each needed file, whole.</summary>
    public void AssertWhole(LoraInstalledModel model, LocalRepository? of = null)
    {
        LocalRepository repository = of ?? Repository;
        Assert.Equal(repository.Commit, model.Commit);
        Assert.Equal(Path.Combine(Folder, "snapshots", repository.Commit), model.Path);
        Assert.All(model.File, file => Assert.Equal(repository.Files[file].Head.ToArray(), File.ReadAllBytes(Path.Combine(model.Path, file))));
    }

    /// <summary>What downloads left that is no blob: parts of contents, temporary files.</summary>
    public string[] Parts() => Directory.Exists(Folder) ? [.. Directory.GetFiles(Folder, "*.incomplete", SearchOption.AllDirectories), .. Directory.GetFiles(Folder, "*.tmp", SearchOption.AllDirectories)] : [];

    public IEnumerable<LocalRequest> Asked(string server) => Hub.Requests.Where(request => request.Server == server);

    public void Dispose()
    {
        Hub.Dispose();
        folder.Dispose();
    }

    private static LocalFile Text(string text) => new(Encoding.UTF8.GetBytes(text));

    private static LocalFile Shard(Random random)
    {
        byte[] content = new byte[ShardBytes];
        random.NextBytes(content);
        return new(content, isLarge: true);
    }
}

/// <summary>Who is told of a download.</summary>
internal sealed class Observer(Action<WorkProgress> report, Action<string>? warn = null) : IRunObserver
{
    public void Report(WorkProgress value) => report(value);

    public void OnStage(string text) => Assert.NotEmpty(text);

    public void OnWarning(string text) => warn?.Invoke(text);

    public void OnFailure(LoraException failure) => throw failure;
}
