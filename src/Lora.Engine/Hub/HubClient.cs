using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Lora.Hub;

/// <summary>
/// Asks a hub. Redirects are followed by hand: the token goes to the endpoint's own scheme, host and port and nowhere else, wherever an answer leads.
/// What fails for a moment (429, 5xx, a cut or silent connection) is tried again; what is left is a <see cref="LoraException"/>. Proxies are those of the
/// system's settings, or of HTTPS_PROXY. Any number of threads may ask at once.
/// </summary>
public sealed class HubClient : IDisposable
{
    private const int MostRedirects = 10;
    private const int MostJsonBytes = 64 << 20;
    private const double SlowestLine = 64 << 10; // bytes a second

    private static readonly ProductInfoHeaderValue Agent = new("lora-powershell", typeof(HubClient).Assembly.GetName().Version!.ToString(3));

    private readonly HttpClient http;
    private readonly Action<string, TimeSpan>? waits;
    private volatile bool wasAnswered;

    /// <param name="options">Which hub, and how.</param>
    /// <param name="waits">Told, on any thread, why and how long it is waited before another attempt; null for nobody.</param>
    public HubClient(HubOptions options, Action<string, TimeSpan>? waits = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        this.waits = waits;
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = options.Timeout,
            DefaultProxyCredentials = CredentialCache.DefaultCredentials,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        };
        http = new(handler) { Timeout = System.Threading.Timeout.InfiniteTimeSpan };
    }

    /// <summary>Which hub is asked, and how.</summary>
    public HubOptions Options { get; }

    /// <summary>Makes a request until it is answered, and gives the answer as soon as its headers are there. The caller disposes it.</summary>
    /// <returns>A success, or with <see cref="HubRequest.StaysOnHost"/> the answer that leads to another host.</returns>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public async Task<HttpResponseMessage> SendAsync(HubRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (Options.IsOffline)
        {
            throw LoraException.Of(LoraError.HubOffline, request.Model?.Name, request.Subject);
        }

        for (int attempt = 1; ; attempt++)
        {
            (LoraException failure, TimeSpan? wait) = (null!, null);
            try
            {
                HttpResponseMessage response = await FollowAsync(request, cancellation).ConfigureAwait(false);
                if (response.IsSuccessStatusCode || (request.StaysOnHost && IsRedirect(response)))
                {
                    return response;
                }

                using (response)
                {
                    failure = HubFailure.Of(request, response, Options);
                    wait = HubRetry.Wait(response, attempt, Options, isSignedAnew: request.Address.StartsWith('/'));
                }
            }
            catch (Exception exception) when (HubRetry.IsLost(exception) && !cancellation.IsCancellationRequested)
            {
                failure = HubFailure.Of(request, exception, Options);
                wait = HubRetry.Wait(exception, attempt, Options, wasAnswered);
            }

            await WaitAsync(request.IsRepeatable ? wait : null, failure, attempt, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Reads an answer in JSON, and asks again where it was cut.</summary>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    public async Task<JsonElement> ReadJsonAsync(HubRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using HttpResponseMessage response = await SendAsync(request, cancellation).ConfigureAwait(false);
                using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                limit.CancelAfter(Options.Timeout);
                await response.Content.LoadIntoBufferAsync(MostJsonBytes, limit.Token).ConfigureAwait(false);
                using JsonDocument document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(limit.Token).ConfigureAwait(false));
                return document.RootElement.Clone();
            }
            catch (JsonException exception)
            {
                throw LoraException.From(exception, LoraError.HubFailed, request.Model?.Name, Options.Endpoint.Authority, "an answer that is not JSON", request.Subject, "");
            }
            catch (Exception exception) when (HubRetry.IsLost(exception) && !cancellation.IsCancellationRequested)
            {
                TimeSpan? wait = request.IsRepeatable ? HubRetry.Wait(exception, attempt, Options, wasAnswered) : null;
                await WaitAsync(wait, HubFailure.Of(request, exception, Options), attempt, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits before another attempt, or throws the failure where there is none.</summary>
    /// <param name="wait">How long; null where no attempt follows.</param>
    /// <param name="failure">Why.</param>
    /// <param name="attempt">The attempt that failed, from 1.</param>
    /// <param name="cancellation">Ends the wait.</param>
    internal async Task WaitAsync(TimeSpan? wait, LoraException failure, int attempt, CancellationToken cancellation)
    {
        if (wait is not TimeSpan time || attempt >= Options.Attempts)
        {
            throw failure;
        }

        waits?.Invoke(failure.Message, time);
        await Task.Delay(time, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task<HttpResponseMessage> FollowAsync(HubRequest request, CancellationToken cancellation)
    {
        Uri address = AddressOf(request);
        for (int redirects = 0; ; redirects++)
        {
            HttpResponseMessage response = await SendOnceAsync(request, address, cancellation).ConfigureAwait(false);
            wasAnswered = true;
            if (!IsRedirect(response))
            {
                return response;
            }

            Uri next = new(address, response.Headers.Location!);
            if (request.StaysOnHost && !IsSame(next, address))
            {
                return response;
            }

            using (response)
            {
                // What is sent goes where it was meant to go.
                if (redirects == MostRedirects || request.Content is not null || !MayLead(address, next))
                {
                    throw LoraException.Of(LoraError.HubFailed, request.Model?.Name, address.Authority, $"a redirect to {next.Scheme}://{next.Authority} that is not followed", request.Subject, "");
                }
            }

            address = next;
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HubRequest request, Uri address, CancellationToken cancellation)
    {
        using HttpRequestMessage message = new(request.Method, address) { Content = request.Content?.Invoke() };
        message.Headers.UserAgent.Add(Agent);
        message.Headers.Range = request.Range;
        foreach ((string name, string value) in request.Headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        if (Options.Token is HubToken token && IsSame(address, Options.Endpoint))
        {
            message.Headers.Authorization = new("Bearer", token.Value);
        }

        // Of an answer the headers come soon; a body that is sent takes what a slow line takes for it.
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Options.Timeout + TimeSpan.FromSeconds((message.Content?.Headers.ContentLength ?? 0) / SlowestLine));
        return await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
    }

    /// <summary>Whether an address that an answer names is gone to: what was encrypted stays so.</summary>
    /// <param name="from">What answered.</param>
    /// <param name="to">Where it leads.</param>
    internal static bool MayLead(Uri from, Uri to) => to.Scheme is "https" || (to.Scheme is "http" && from.Scheme is "http");

    private Uri AddressOf(HubRequest request)
    {
        string text = request.Address.StartsWith('/') ? Options.Endpoint.AbsoluteUri.TrimEnd('/') + request.Address : request.Address;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && MayLead(Options.Endpoint, address) ? address
            : throw LoraException.Of(LoraError.HubFailed, request.Model?.Name, Options.Endpoint.Authority, "an address that is not gone to", request.Subject, "");
    }

    private static bool IsRedirect(HttpResponseMessage response) =>
        response.Headers.Location is not null && (int)response.StatusCode is 301 or 302 or 303 or 307 or 308;

    /// <summary>Whether two addresses have the same scheme, host and port.</summary>
    internal static bool IsSame(Uri one, Uri other) => Uri.Compare(one, other, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;
}
