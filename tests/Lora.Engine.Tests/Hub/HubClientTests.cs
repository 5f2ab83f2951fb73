using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security;
using System.Text;
using Lora.Hub;
using Lora.Tests.Hubs;

namespace Lora.Tests.Hub;

/// <summary>What the client sends where, what it tries again, and what each refusal is called.</summary>
public sealed class HubClientTests : IDisposable
{
    private const string Small = "config.json";
    private const string Large = "model.safetensors";

    private static readonly HubModel Model = new("org/model");

    private readonly LocalHub hub = new();
    private readonly LocalRepository repository;

    public HubClientTests() => repository = hub.Add(Model.Name, new Dictionary<string, LocalFile>
    {
        [Small] = new(Encoding.UTF8.GetBytes("{}")),
        [Large] = new(new byte[100_000], isLarge: true),
    });

    public void Dispose() => hub.Dispose();

    [Fact]
    public async Task The_token_goes_to_the_endpoint_and_along_a_relative_redirect_and_never_to_another_host()
    {
        repository.IsPrivate = true;
        Assert.Equal(100_000, (await GetAsync(Large)).Length);
        Assert.Equal("{}", Encoding.UTF8.GetString(await GetAsync(Small)));

        Assert.Equal([hub.Token, null, hub.Token, hub.Token], hub.Requests.Select(request => request.Token));
        Assert.Equal(["hub", "cdn", "hub", "hub"], hub.Requests.Select(request => request.Server));
        Assert.All(hub.Requests.Where(request => request.Server == "cdn"), request => Assert.DoesNotContain(hub.Token, string.Join(' ', request.Headers), StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_token_goes_to_no_address_at_another_host_that_the_hub_gives()
    {
        using HubClient client = Client();
        hub.Storage["x"] = new([1]);
        using HttpResponseMessage response = await client.SendAsync(new() { Address = hub.StorageAddress + "/x?X-Signature=0" }, default);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Null(hub.Requests[^1].Token);
    }

    [Fact]
    public async Task What_a_redirect_says_of_a_file_at_another_host_is_read_without_going_there()
    {
        using HubClient client = Client();
        using HttpResponseMessage response = await client.SendAsync(Request(Large) with { Method = HttpMethod.Head, StaysOnHost = true }, default);
        Assert.Equal($"\"{repository.Files[Large].Sha256}\"", response.Headers.GetValues("X-Linked-Etag").Single());
        Assert.Equal("100000", response.Headers.GetValues("X-Linked-Size").Single());
        Assert.DoesNotContain(hub.Requests, request => request.Server == "cdn");
    }

    [Fact]
    public async Task Redirects_in_a_circle_end()
    {
        hub.Fail(new() { Times = int.MaxValue, Status = 302, Headers = { ["Location"] = "/round" } });
        Assert.Equal(LoraError.HubFailed, (await FailureAsync(Small)).Error);
        Assert.Equal(11, hub.Requests.Count);
    }

    [Theory]
    [InlineData("https://hub.example", "https://cdn.example/x", true)]
    [InlineData("https://hub.example", "http://hub.example/x", false)] // what was encrypted stays so
    [InlineData("http://127.0.0.1:1", "http://127.0.0.1:2/x", true)]
    [InlineData("http://127.0.0.1:1", "https://cdn.example/x", true)]
    [InlineData("http://127.0.0.1:1", "file:///etc/passwd", false)]
    [InlineData("https://hub.example", "ftp://cdn.example/x", false)]
    public void An_answer_leads_to_other_hosts_but_not_out_of_encryption(string from, string to, bool mayLead) => Assert.Equal(mayLead, HubClient.MayLead(new(from), new(to)));

    [Theory]
    [InlineData("ftp://127.0.0.1/x")]
    [InlineData("no address")]
    public async Task An_address_that_is_none_or_is_not_gone_to_is_an_answer_of_the_hub_s_that_is_wrong(string address)
    {
        using HubClient client = Client();
        LoraException failure = await Assert.ThrowsAsync<LoraException>(() => client.SendAsync(new() { Address = address, Model = Model }, default));
        Assert.Equal(LoraError.HubFailed, failure.Error);
        Assert.Empty(hub.Requests);
    }

    [Fact]
    public async Task A_hub_that_says_nothing_to_what_was_sent_is_not_waited_for_and_a_long_body_has_the_time_of_a_slow_line()
    {
        using HubClient client = Client(Options() with { Timeout = TimeSpan.FromSeconds(0.3), Attempts = 1 });
        HubRequest Post(int length) => Request(Small) with { Method = HttpMethod.Post, Content = () => new ByteArrayContent(new byte[length]) };
        hub.Answer = _ => new LocalResponse(200);
        hub.Fail(new() { Request = " POST ", Delay = TimeSpan.FromMinutes(1) });
        Assert.Equal(LoraError.HubUnreachable, (await Assert.ThrowsAsync<LoraException>(() => client.SendAsync(Post(1), default))).Error);

        hub.Fail(new() { Request = " POST ", Delay = TimeSpan.FromSeconds(1) });
        using HttpResponseMessage response = await client.SendAsync(Post(1_000_000), default);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData(false, LoraError.HubModelNotFound, "no token was sent")]
    [InlineData(true, LoraError.HubAccessDenied, "401 Invalid credentials")]
    public async Task A_401_is_a_model_that_is_not_shown_or_a_token_that_nobody_knows(bool hasToken, LoraError error, string said)
    {
        repository.IsPrivate = true;
        LoraException failure = await FailureAsync(Small, token: hasToken ? "hf_unknown" : "");
        Assert.Equal(error, failure.Error);
        Assert.Contains(said, failure.Message, StringComparison.Ordinal);
        Assert.Single(hub.Requests);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public async Task A_gated_model_names_the_page_to_ask_at_with_401_and_with_403(string? token)
    {
        repository.IsGated = true;
        LoraException failure = await FailureAsync(Large, token: token);
        Assert.Equal(LoraError.HubGated, failure.Error);
        Assert.Contains($"{hub.Address}/{Model.Name}", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_403_says_what_the_hub_says()
    {
        hub.Fail(new() { Status = 403, Headers = { ["X-Error-Message"] = "Your token has the role read." } });
        LoraException failure = await FailureAsync(Small);
        Assert.Equal(LoraError.HubAccessDenied, failure.Error);
        Assert.Contains("403 Your token has the role read.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_403_of_the_other_host_asks_the_hub_for_a_new_address_and_advises_no_token()
    {
        hub.Fail(new() { Request = "^cdn", Status = 403 });
        Assert.Equal(100_000, (await GetAsync(Large)).Length);
        Assert.Equal(["hub", "cdn", "hub", "cdn"], hub.Requests.Select(request => request.Server));

        hub.Fail(new() { Request = "^cdn", Status = 403, Times = int.MaxValue });
        LoraException failure = await FailureAsync(Large);
        Assert.Equal(LoraError.HubStorageRefused, failure.Error);
        Assert.Contains($"{new Uri(hub.StorageAddress).Authority}, where the hub has large files, refused {Large} of {Model}: 403", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Signature", failure.Message, StringComparison.Ordinal);
        Assert.Contains("clock", failure.Problem.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proxy_that_asks_who_asks_is_no_matter_of_tokens()
    {
        hub.Fail(new() { Status = 407 });
        LoraException failure = await FailureAsync(Small);
        Assert.Equal(LoraError.HubUnreachable, failure.Error);
        Assert.Contains("the proxy on the way asks who asks (407", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("org/other", "main", Small, LoraError.HubModelNotFound)]
    [InlineData("org/model", "v2", Small, LoraError.HubRevisionNotFound)]
    [InlineData("org/model", "refs/pr/7", Small, LoraError.HubRevisionNotFound)]
    [InlineData("org/model", "main", "missing.json", LoraError.HubFileNotFound)]
    public async Task A_404_is_a_model_a_revision_or_a_file(string name, string revision, string file, LoraError error)
    {
        HubModel model = new(name, revision);
        LoraException failure = await FailureAsync(file, model: model);
        Assert.Equal(error, failure.Error);
        Assert.Contains(error switch { LoraError.HubModelNotFound => name, LoraError.HubRevisionNotFound => revision, _ => file }, failure.Message, StringComparison.Ordinal);
        Assert.Single(hub.Requests);
    }

    [Fact]
    public async Task A_429_waits_as_long_as_the_hub_asks_and_no_longer_than_is_waited()
    {
        hub.Fail(new() { Status = 429, Headers = { ["Retry-After"] = "1" } });
        long began = Stopwatch.GetTimestamp();
        await GetAsync(Small);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0.9, 30);

        hub.Reset();
        hub.Fail(new() { Status = 429, Headers = { ["Retry-After"] = "3600" } });
        LoraException failure = await FailureAsync(Small);
        Assert.Equal(LoraError.HubTooManyRequests, failure.Error);
        Assert.Contains("3600 s", failure.Message, StringComparison.Ordinal);
        Assert.Single(hub.Requests);
    }

    [Theory]
    [InlineData("""Retry-After""", "7", 7)]
    [InlineData("RateLimit", "\"api\";r=0;t=55", 55)]
    public void The_time_that_a_limit_takes_is_read_from_either_header(string header, string value, double seconds)
    {
        using HttpResponseMessage response = new(HttpStatusCode.TooManyRequests);
        response.Headers.Add(header, value);
        Assert.Equal(TimeSpan.FromSeconds(seconds), HubRetry.Wait(response, 1, Options()));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_5xx_is_tried_again_and_then_told(int status)
    {
        hub.Fail(new() { Status = status, Times = 2 });
        await GetAsync(Small);
        Assert.Equal(4, hub.Requests.Count); // two refusals, the redirect, the file

        hub.Reset();
        hub.Fail(new() { Status = status, Times = int.MaxValue });
        LoraException failure = await FailureAsync(Small);
        Assert.Equal(LoraError.HubFailed, failure.Error);
        Assert.Contains($"{status}", failure.Message, StringComparison.Ordinal);
        Assert.Equal(Options().Attempts, hub.Requests.Count);
    }

    [Fact]
    public async Task What_may_not_be_done_twice_is_not_tried_again()
    {
        hub.Fail(new() { Status = 500, Times = int.MaxValue });
        using HubClient client = Client();
        await Assert.ThrowsAsync<LoraException>(() => client.SendAsync(Request(Small) with { Method = HttpMethod.Post, IsRepeatable = false }, default));
        Assert.Single(hub.Requests);
    }

    [Fact]
    public async Task A_description_that_is_cut_or_does_not_come_is_asked_for_again()
    {
        hub.Fail(new() { CutAfter = 10 });
        hub.Fail(new() { StallAfter = 10 });
        using HubClient client = Client(Options() with { Timeout = TimeSpan.FromSeconds(0.5), Attempts = 100 });
        Assert.Equal(repository.Commit, (await HubListing.ReadAsync(client, Model, default)).Commit);
        Assert.InRange(hub.Requests.Count, 3, 100); // a busy machine may be silent itself
    }

    [Fact]
    public async Task Offline_nothing_goes_out()
    {
        using HubClient client = Client(Options() with { IsOffline = true });
        LoraException failure = await Assert.ThrowsAsync<LoraException>(() => client.SendAsync(Request(Small), default));
        Assert.Equal(LoraError.HubOffline, failure.Error);
        Assert.Empty(hub.Requests);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_told_at_once_and_a_hub_that_went_away_is_waited_for()
    {
        using Socket deaf = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // and does not listen: nobody else has the port meanwhile
        HubOptions options = Options() with { FirstWait = TimeSpan.FromMinutes(1), Endpoint = new($"http://{deaf.LocalEndPoint}") };
        using HubClient client = Client(options);
        LoraException failure = await Assert.ThrowsAsync<LoraException>(() => client.SendAsync(Request(Small), default));
        Assert.Equal(LoraError.HubUnreachable, failure.Error);
        Assert.Contains(options.Endpoint.Authority, failure.Message, StringComparison.Ordinal);

        HttpRequestException unknown = new(HttpRequestError.NameResolutionError, "Name or service not known");
        Assert.Null(HubRetry.Wait(unknown, 1, options, wasAnswered: false));
        Assert.NotNull(HubRetry.Wait(unknown, 1, options, wasAnswered: true));
        Assert.Contains("Name or service not known", HubFailure.Of(Request(Small), unknown, options).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_proxy_of_the_system_s_settings_is_the_way_to_the_hub()
    {
        IWebProxy usual = HttpClient.DefaultProxy;
        try
        {
            HttpClient.DefaultProxy = new ProxyOf("hub.invalid", new(hub.Address));
            using HubClient client = Client(Options() with { Endpoint = new("http://hub.invalid") });
            Assert.Equal(repository.Commit, (await HubListing.ReadAsync(client, Model, default)).Commit);
            Assert.Equal("hub.invalid", hub.Requests.Single().Header("Host"));
        }
        finally
        {
            HttpClient.DefaultProxy = usual;
        }
    }

    [Fact]
    public async Task A_token_that_a_server_says_back_is_in_no_message()
    {
        hub.Fail(new() { Status = 403, Times = int.MaxValue, Headers = { ["X-Error-Message"] = $"Bearer {hub.Token} may not" } });
        LoraException failure = await FailureAsync(Small);
        Assert.DoesNotContain(hub.Token, failure.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(hub.Token, $"{Options()} {Options().Token}", StringComparison.Ordinal);
        using HttpResponseMessage response = new(HttpStatusCode.BadGateway) { ReasonPhrase = $"{hub.Token} is not known here" };
        Assert.DoesNotContain(hub.Token, HubFailure.Of(Request(Small), response, Options()).ToString(), StringComparison.Ordinal);

        LoraException refused = Assert.Throws<LoraException>(() => HubToken.Of("hf_with a\nspace"));
        Assert.Equal(LoraError.HubSettingInvalid, refused.Error);
        Assert.DoesNotContain("hf_with", refused.ToString(), StringComparison.Ordinal);
        using SecureString empty = new();
        Assert.Equal(LoraError.HubSettingInvalid, Assert.Throws<LoraException>(() => HubToken.Of(empty)).Error);
    }

    [Fact]
    public async Task A_list_without_hashes_is_filled_from_the_files_own_addresses()
    {
        using HubClient client = Client();
        foreach (string name in (string[])[Small, Large])
        {
            HubFile file = await new HubFile(name, null, null).CompleteAsync(client, Model, default);
            Assert.Equal((repository.Files[name].Length, repository.Files[name].ETag), (file.Size, file.Hash));
        }
    }

    private HubOptions Options() => new() { Cache = "none", Endpoint = new(hub.Address), Token = HubToken.Of(hub.Token), FirstWait = TimeSpan.FromMilliseconds(1) };

    private HubClient Client(HubOptions? options = null) => new(options ?? Options());

    private static HubRequest Request(string file, HubModel? model = null) => new() { Address = (model ?? Model).PathOf(file), Model = model ?? Model, File = file };

    private async Task<byte[]> GetAsync(string file)
    {
        using HubClient client = Client();
        using HttpResponseMessage response = await client.SendAsync(Request(file), default);
        return await response.Content.ReadAsByteArrayAsync();
    }

    private async Task<LoraException> FailureAsync(string file, string? token = null, HubModel? model = null)
    {
        using HubClient client = Client(token is null ? null : Options() with { Token = HubToken.Of(token) });
        return await Assert.ThrowsAsync<LoraException>(() => client.SendAsync(Request(file, model), default));
    }

    /// <summary>The way to one host, so that requests of other tests go theirs.</summary>
    private sealed class ProxyOf(string host, Uri proxy) : IWebProxy
    {
        public ICredentials? Credentials { get; set; }

        public Uri GetProxy(Uri destination) => proxy;

        public bool IsBypassed(Uri destination) => destination.Host != host;
    }
}
