using System.Security.Cryptography;
using System.Text;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Hub;
using Lora.Tests.Hubs;

namespace Lora.Tests.Hub;

/// <summary>What is published, where it goes, and what is not sent twice.</summary>
public sealed class AdapterPublicationTests : IDisposable
{
    private const string Name = "me/adapter";

    private readonly LocalHub hub = new();
    private readonly TemporaryFolder folder = new();

    public AdapterPublicationTests()
    {
        LoraAdapter adapter = new()
        {
            Config = new() { Rank = 1, TargetModule = ["q_proj"], BaseModelNameOrPath = "org/model" },
            Tensors = [Factor("lora_A", 1, 4), Factor("lora_B", 4, 1)],
        };
        AdapterFolder.Save(adapter, Adapter);
        folder.Write("adapter/tokenizer.json", "{}");
        folder.Write("adapter/optimizer.safetensors", "state");
        folder.Write("adapter/training_state.json", "{}");
        Directory.CreateDirectory(folder.File("adapter/checkpoint-10"));
        folder.Write("adapter/checkpoint-10/adapter_model.safetensors", "older");
    }

    private string Adapter => folder.File("adapter");

    private HubOptions Options => new() { Cache = folder.File("cache"), Endpoint = new(hub.Address), Token = HubToken.Of(hub.Token), FirstWait = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromMinutes(1) };

    public void Dispose()
    {
        hub.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task An_adapter_s_files_and_nothing_else_are_one_commit_of_a_private_repository()
    {
        LoraPublishedAdapter published = await PublishAsync();

        LocalRepository repository = hub.Repositories[Name];
        Assert.True(repository.IsPrivate && published.IsPrivate);
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json"], repository.Files.Keys.Where(name => name != ".gitattributes").Order(StringComparer.Ordinal));
        Assert.All(published.File, name => Assert.Equal(File.ReadAllBytes(Path.Combine(Adapter, name)), repository.Files[name].Head.ToArray()));
        Assert.Equal((repository.Commit, new Uri($"{hub.Address}/{Name}"), published.Size), (published.Commit, published.Url, published.UploadedSize));
        Assert.Single(hub.Requests, request => request.Target.Contains("/commit/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_never_to_where_large_files_go()
    {
        await PublishAsync();

        Assert.All(hub.Requests.Where(request => request.Server == "hub"), request => Assert.Equal(hub.Token, request.Token));
        LocalRequest put = Assert.Single(hub.Requests, request => request.Server == "cdn");
        Assert.Equal("PUT", put.Method);
        Assert.DoesNotContain(hub.Token, string.Join(' ', put.Headers), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_longer_than_a_part_goes_in_parts()
    {
        hub.PartSize = 100;
        LoraPublishedAdapter published = await PublishAsync();

        long size = new FileInfo(Path.Combine(Adapter, AdapterFolder.WeightsName)).Length;
        Assert.Equal((size + 99) / 100, hub.Requests.Count(request => request.Server == "cdn" && request.Method == "PUT"));
        Assert.Equal(File.ReadAllBytes(Path.Combine(Adapter, AdapterFolder.WeightsName)), hub.Repositories[Name].Files[AdapterFolder.WeightsName].Head.ToArray());
        Assert.Equal(published.Size, published.UploadedSize);
    }

    [Fact]
    public async Task What_was_uploaded_before_a_failure_is_not_sent_again()
    {
        hub.Fail(new() { Request = "/commit/", Times = 5, Status = 503 });
        Assert.Equal(LoraError.HubFailed, (await Assert.ThrowsAsync<LoraException>(() => PublishAsync())).Error);
        hub.Reset();

        await PublishAsync();
        Assert.DoesNotContain(hub.Requests, request => request.Server == "cdn");
        Assert.True(hub.Repositories[Name].Files.ContainsKey(AdapterFolder.WeightsName));
    }

    [Fact]
    public async Task What_is_there_already_is_no_new_commit_and_what_changed_is_all_that_is_sent()
    {
        LoraPublishedAdapter first = await PublishAsync();
        hub.Reset();
        LoraPublishedAdapter second = await PublishAsync();
        Assert.Equal((first.Commit, 0), (second.Commit, second.UploadedSize));
        Assert.DoesNotContain(hub.Requests, request => request.Method != "GET");

        folder.Write("adapter/README.md", "# Better");
        LoraPublishedAdapter third = await PublishAsync();
        Assert.NotEqual(first.Commit, third.Commit);
        Assert.Equal(8, third.UploadedSize);
    }

    [Theory]
    [InlineData("^cdn PUT", 503)]
    [InlineData("/preupload/", 429)]
    [InlineData("/objects/batch", 500)]
    [InlineData("/commit/", 502)]
    [InlineData("/repos/create", 504)]
    public async Task What_fails_for_a_moment_is_tried_again(string request, int status)
    {
        hub.Fail(new() { Request = request, Times = 2, Status = status });

        await PublishAsync();
        Assert.True(hub.Repositories[Name].Files.ContainsKey(AdapterFolder.WeightsName));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""{"objects": 3}""")]
    [InlineData("""{"objects": []}""")]
    [InlineData("""{"objects": [{"oid": "HASH", "actions": 3}]}""")]
    [InlineData("""{"objects": [{"oid": "HASH", "actions": {"upload": {"href": "no address"}}}]}""")]
    [InlineData("""{"objects": [{"oid": "HASH", "actions": {"upload": {"href": "file:///etc/passwd"}}}]}""")]
    [InlineData("""{"objects": [{"oid": "HASH", "actions": {"upload": {"href": "x", "header": {"a": "1", "A": "2"}}}}]}""")]
    public async Task What_is_no_answer_to_an_upload_is_said_so(string answer)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Adapter, AdapterFolder.WeightsName))));
        hub.Answer = request => request.Target.Contains("/objects/batch", StringComparison.Ordinal)
            ? new LocalResponse(200) { File = new(Encoding.UTF8.GetBytes(answer.Replace("HASH", hash, StringComparison.Ordinal))) } : null;

        LoraException failure = await Assert.ThrowsAsync<LoraException>(() => PublishAsync());
        Assert.Equal(LoraError.HubFailed, failure.Error);
        Assert.Contains(AdapterFolder.WeightsName, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whether_a_large_file_is_there_is_told_by_its_hash_without_reading_it()
    {
        string hash = new('a', 64);
        HubListing listing = new(new(Name), new string('0', 40), [new("adapter_model.safetensors", 5_000_000_000, hash)]);
        PublishedFile file = new(folder.File("none/adapter_model.safetensors"), 5_000_000_000, hash, []);

        Assert.True(file.IsThere(listing));
        Assert.False((file with { Hash = new('b', 64) }).IsThere(listing));
    }

    [Fact]
    public async Task Everybody_sees_it_only_where_that_was_asked_for()
    {
        Assert.False((await PublishAsync(isPublic: true)).IsPrivate);
        Assert.False(hub.Repositories[Name].IsPrivate);

        LoraException exception = await Assert.ThrowsAsync<LoraException>(() => PublishAsync());
        Assert.Equal(LoraError.ConfigConflict, exception.Error);
        Assert.Contains("-Public", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_may_only_read_is_refused_and_not_shown()
    {
        LoraException exception = await Assert.ThrowsAsync<LoraException>(() => PublishAsync(options: Options with { Token = HubToken.Of(hub.ReadToken) }));

        Assert.Equal(LoraError.HubAccessDenied, exception.Error);
        Assert.DoesNotContain(hub.ReadToken, exception.ToString(), StringComparison.Ordinal);
        Assert.Empty(hub.Repositories);
    }

    [Fact]
    public void A_folder_without_weights_and_a_damaged_adapter_are_refused_before_anything_goes_out()
    {
        File.WriteAllText(Path.Combine(Adapter, AdapterFolder.WeightsName), "damaged");
        Assert.Throws<LoraException>(() => AdapterPublication.Plan(Adapter));
        File.Delete(Path.Combine(Adapter, AdapterFolder.WeightsName));
        Assert.Throws<LoraException>(() => AdapterPublication.Plan(Adapter));
    }

    [Fact]
    public void What_others_would_stumble_over_is_warned_of()
    {
        Assert.Empty(AdapterPublication.Plan(Adapter).Warnings);

        File.Delete(folder.File("adapter/README.md"));
        string config = folder.File("adapter/adapter_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("org/model", "/home/me/model", StringComparison.Ordinal));
        Assert.Collection(
            AdapterPublication.Plan(Adapter).Warnings,
            warning => Assert.Contains("'/home/me/model', which means nothing elsewhere", warning, StringComparison.Ordinal),
            warning => Assert.Contains("has no README.md", warning, StringComparison.Ordinal));
    }

    private async Task<LoraPublishedAdapter> PublishAsync(bool isPublic = false, HubOptions? options = null)
    {
        using HubClient client = new(options ?? Options);
        return await AdapterPublication.Plan(Adapter).RunAsync(client, new(Name), isPublic, "Upload", null, default);
    }

    private static TensorData Factor(string name, params long[] shape) =>
        new($"base_model.model.model.layers.0.self_attn.q_proj.{name}.weight", TensorDataType.F32, shape, new byte[4 * shape[0] * shape[1]]);
}
