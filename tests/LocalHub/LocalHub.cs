using System.Collections.Concurrent;

namespace Lora.Tests.Hubs;

/// <summary>
/// A hub on this machine that behaves like Hugging Face's: the same addresses, headers, redirects to another host for large files, refusals and codes.
/// What it was asked is kept, with headers, so that a test sees where a token went; what goes wrong is the test's to say.
/// </summary>
public sealed class LocalHub : IDisposable
{
    private readonly LocalServer hub;
    private readonly LocalServer cdn;
    private readonly ConcurrentQueue<LocalRequest> requests = new();
    private readonly ConcurrentQueue<LocalFault> faults = new();
    private int current;
    private int most;
    private long sent;

    public LocalHub()
    {
        ReadRoutes read = new(this);
        UploadRoutes upload = new(this);
        StorageRoutes storage = new(this);
        hub = new("hub", request => ServeAsync(request, () => read.Answer(request) ?? upload.Answer(request)));
        cdn = new("cdn", request => ServeAsync(request, () => storage.Answer(request)));
    }

    /// <summary>The hub's address: what HF_ENDPOINT is set to.</summary>
    public string Address => hub.Address;

    /// <summary>The address of the host that large files come from and go to.</summary>
    public string StorageAddress => cdn.Address;

    /// <summary>The token of the one user; it may write.</summary>
    public string Token { get; set; } = "hf_local_secret";

    /// <summary>A token of the same user that may only read.</summary>
    public string ReadToken { get; set; } = "hf_local_reader";

    /// <summary>The user's name.</summary>
    public string User { get; set; } = "me";

    /// <summary>Time before each answer.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>The models, by name.</summary>
    public ConcurrentDictionary<string, LocalRepository> Repositories { get; } = new();

    /// <summary>Large files, by their hash.</summary>
    public ConcurrentDictionary<string, LocalFile> Storage { get; } = new();

    /// <summary>Bytes of a part, where files that are longer are taken in parts; null where none is.</summary>
    public long? PartSize { get; set; }

    /// <summary>Parts of large files, by the file's hash and the part's number.</summary>
    public ConcurrentDictionary<string, byte[]> Parts { get; } = new();

    /// <summary>Bytes of the bodies that were answered.</summary>
    public long SentBytes => sent;

    /// <summary>What was asked, in the order in which it came.</summary>
    public IReadOnlyList<LocalRequest> Requests => [.. requests];

    /// <summary>The most requests that were answered at the same time.</summary>
    public int MostAtOnce => most;

    /// <summary>Told of each request as it comes.</summary>
    public Action<LocalRequest>? Heard { get; set; }

    /// <summary>Answers in the hub's place; null leaves a request to it.</summary>
    public Func<LocalRequest, LocalResponse?>? Answer { get; set; }

    /// <summary>Adds a model without files.</summary>
    public LocalRepository Add(string name) => Repositories[name] = new(name);

    /// <summary>Adds a model with a folder's files.</summary>
    public LocalRepository Add(string name, string folder)
    {
        LocalRepository repository = Add(name);
        repository.Push(folder);
        return repository;
    }

    /// <summary>Adds a model with files.</summary>
    public LocalRepository Add(string name, IReadOnlyDictionary<string, LocalFile> files)
    {
        LocalRepository repository = Add(name);
        repository.Push(files);
        return repository;
    }

    /// <summary>Lets something go wrong.</summary>
    public void Fail(LocalFault fault) => faults.Enqueue(fault);

    /// <summary>Forgets what was asked and lets nothing go wrong any more.</summary>
    public void Reset()
    {
        requests.Clear();
        faults.Clear();
        most = 0;
        sent = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        hub.Dispose();
        cdn.Dispose();
    }

    /// <summary>Whether a request carries the user's token.</summary>
    internal bool Knows(LocalRequest request) => request.Token == Token || request.Token == ReadToken;

    private async Task<LocalResponse> ServeAsync(LocalRequest request, Func<LocalResponse?> answer)
    {
        requests.Enqueue(request);
        Heard?.Invoke(request);
        int now = Interlocked.Increment(ref current);
        InterlockedMax(now);
        try
        {
            LocalFault? fault = faults.FirstOrDefault(fault => fault.Strikes(request));
            await Task.Delay(Latency + (fault?.Delay ?? TimeSpan.Zero));
            LocalResponse response = Answer?.Invoke(request) ?? answer() ?? LocalResponse.Refusal(404, null, $"There is nothing at {request.Target}");
            Interlocked.Add(ref sent, response.BodyLength);
            return fault?.Spoil(response) ?? response;
        }
        finally
        {
            Interlocked.Decrement(ref current);
        }
    }

    private void InterlockedMax(int value)
    {
        for (int seen = most; value > seen && Interlocked.CompareExchange(ref most, value, seen) != seen; seen = most)
        {
            // Another request was counted in between.
        }
    }
}
