using System.Text;
using Lora.Checkpoints;
using Lora.Hub;
using Lora.Tests.Checkpoints;
using Lora.Tests.Hubs;

namespace Lora.Tests.Hub;

/// <summary>Listing over ranges: the same modules as from the folder, in few requests and few bytes.</summary>
public sealed class RemoteModelTests : IDisposable
{
    private const string Name = "org/model";

    private readonly LocalHub hub = new();
    private readonly TemporaryFolder folder = new();

    private HubOptions Options => new() { Cache = folder.File("cache"), Endpoint = new(hub.Address), Token = HubToken.Of(hub.Token), FirstWait = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromMinutes(1) };

    public void Dispose()
    {
        hub.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_model_of_405_billion_parameters_is_listed_as_from_its_folder_in_three_rounds_of_requests_and_two_megabytes()
    {
        SparseCheckpoint.WriteLlama405B(folder.Path);
        hub.Add(Name, HeadersOf(folder.Path));
        hub.Latency = TimeSpan.FromMilliseconds(20); // or a busy machine answers each before the next is asked

        ModuleTree tree = await ReadAsync();

        Assert.Equal(Described(ModuleTree.Read(folder.Path)), Described(tree));
        Assert.Equal(1137, tree.Modules.Count);
        Assert.InRange(hub.SentBytes, 1, 2_000_000);

        // The description; configuration and index, each behind a redirect; a range of each shard, behind one too.
        Assert.Equal(1 + 4 + (2 * 191), hub.Requests.Count);
        Assert.Equal(191, hub.Requests.Count(request => request.Server == "cdn"));
        Assert.InRange(hub.MostAtOnce, 2, 32);
        Assert.False(Directory.Exists(folder.File("cache")));
    }

    [Fact]
    public async Task Modules_say_the_name_and_the_revision_of_their_model_and_the_file_that_they_are_in()
    {
        LocalRepository repository = hub.Add(Name, Small("a.weight"));
        repository.Push(Small("b.weight"), "v2");

        Assert.Equal((Name, "model.safetensors"), (await ReadAsync()).Modules.Select(module => (module.Model, module.File)).Single());
        LoraModuleInfo other = (await ReadAsync("v2")).Modules.Single();
        Assert.Equal(("b", Name + "@v2"), (other.Name, other.Model));
    }

    [Fact]
    public async Task A_header_that_is_longer_than_was_expected_takes_one_more_request()
    {
        string[] names = [.. Enumerable.Range(0, 2000).Select(number => $"model.layers.{number}.self_attn.q_proj.weight")];
        hub.Add(Name, Small(names));

        Assert.Equal(2000, (await ReadAsync()).Modules.Count);
        LocalRequest[] ranges = [.. hub.Requests.Where(request => request.Server == "cdn")];
        Assert.Equal(2, ranges.Length);
        Assert.StartsWith("bytes=49152-", ranges[1].Header("Range"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public async Task A_connection_that_is_cut_while_a_header_comes_is_tried_again(long cut)
    {
        hub.Add(Name, Small("a.weight"));
        hub.Fail(new() { Request = "^cdn GET", CutAfter = cut });

        Assert.Equal("a", (await ReadAsync()).Modules.Single().Name);
    }

    [Fact]
    public async Task What_is_wrong_with_any_header_is_reported_together_and_by_name()
    {
        Dictionary<string, LocalFile> files = new()
        {
            ["model.safetensors.index.json"] = Text("""{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"""),
            ["one.safetensors"] = new(Encoding.UTF8.GetBytes("version https://git-lfs.github.com/spec/v1"), isLarge: true),
            ["two.safetensors"] = new([1, 2, 3], isLarge: true),
        };
        hub.Add(Name, files);

        LoraException exception = await Assert.ThrowsAsync<LoraException>(() => ReadAsync());
        Assert.Equal([LoraError.GitLfsPointer, LoraError.SafetensorsTruncated], exception.Problems.Select(problem => problem.Error).Order());
        Assert.Contains("org/model/two.safetensors", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shard_that_the_hub_does_not_have_and_a_repository_without_weights_are_said_so()
    {
        hub.Add(Name, new Dictionary<string, LocalFile> { ["model.safetensors.index.json"] = Text("""{"weight_map": {"a": "one.safetensors"}}""") });
        Assert.Equal(LoraError.ShardMissing, (await Assert.ThrowsAsync<LoraException>(() => ReadAsync())).Error);

        hub.Add(Name, new Dictionary<string, LocalFile> { ["model_index.json"] = Text("{}"), ["unet/model.safetensors"] = new([1], isLarge: true) });
        LoraException exception = await Assert.ThrowsAsync<LoraException>(() => ReadAsync());
        Assert.Equal(LoraError.NoSafetensors, exception.Error);
        Assert.Contains("There are models in unet", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_token_goes_to_the_endpoint_alone_and_offline_nothing_goes_out()
    {
        hub.Add(Name, Small("a.weight")).IsPrivate = true;
        await ReadAsync();
        Assert.All(hub.Requests, request => Assert.Equal(request.Server == "hub" ? hub.Token : null, request.Token));

        hub.Reset();
        using HubClient client = new(Options with { IsOffline = true });
        Assert.Equal(LoraError.HubOffline, (await Assert.ThrowsAsync<LoraException>(() => RemoteModel.ReadAsync(client, new(Name), default))).Error);
        Assert.Empty(hub.Requests);
    }

    private async Task<ModuleTree> ReadAsync(string? revision = null)
    {
        using HubClient client = new(Options);
        return await RemoteModel.ReadAsync(client, new(Name, revision), default);
    }

    private static IEnumerable<string> Described(ModuleTree tree) =>
        tree.Modules.Select(module => $"{module.Name} {module.Kind} {module.Shape} {module.DataType} {module.ParameterCount} {module.Layer} {module.Role} {module.TiedTo} {module.File}");

    private static Dictionary<string, LocalFile> Small(params string[] names) => new()
    {
        ["config.json"] = Text("""{"model_type": "llama"}"""),
        ["model.safetensors"] = new(SafetensorsBytes.OfVectors(names), isLarge: true),
    };

    private static LocalFile Text(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>The files of a folder, of shards their headers and lengths.</summary>
    private static Dictionary<string, LocalFile> HeadersOf(string folder) => Directory.GetFiles(folder).ToDictionary(
        file => Path.GetFileName(file),
        file => file.EndsWith(".safetensors", StringComparison.Ordinal) ? Header(file) : new LocalFile(File.ReadAllBytes(file)));

    private static LocalFile Header(string path)
    {
        using FileStream stream = File.OpenRead(path);
        byte[] start = new byte[Math.Min(100_000, stream.Length)];
        stream.ReadExactly(start);
        return new(start[..(8 + (int)BitConverter.ToInt64(start))], stream.Length, isLarge: true);
    }
}
