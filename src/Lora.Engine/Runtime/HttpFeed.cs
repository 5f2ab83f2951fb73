using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Xml;
using NuGet.Common;
using NuGet.Configuration;
using NuGet.Protocol;
using NuGet.Protocol.Core.Types;

namespace Lora.Runtime;

/// <summary>
/// A feed with version 3 of NuGet's protocol. NuGet's client speaks with it, by the system's proxy and with the credentials that the user's NuGet.Config
/// has for it; only the packages are fetched our own way, which goes on after a cut. What the client would write of its own, a NuGet.Config and a cache
/// of answers, it does not.
/// </summary>
internal sealed class HttpFeed : PackageFeed
{
    private const string NoFeed = "it is no feed of version 3, whose address ends with index.json";

    private readonly HttpSource client;
    private readonly Uri packages;
    private readonly Uri? registrations;

    private HttpFeed(string name, HttpSource client, Uri packages, Uri? registrations)
        : base(name) => (this.client, this.packages, this.registrations) = (client, packages, registrations);

    /// <summary>Reads the index of a feed.</summary>
    /// <param name="source">Its address, and the credentials for it.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LoraException">PackageSourceUnreachable.</exception>
    public static async Task<HttpFeed> OpenAsync(PackageSource source, CancellationToken cancellation)
    {
        string name = RuntimeOptions.NameOf(source.Source);
        HttpSource client = new(source, () => Task.FromResult<HttpHandlerResource>(Handler(source)), NullThrottle.Instance);
        return await Asked(name, async () =>
        {
            JsonElement? index = await JsonAsync(client, source.SourceUri, cancellation).ConfigureAwait(false);
            return Service(index, ServiceTypes.PackageBaseAddress) is Uri packages
                ? new HttpFeed(name, client, packages, Service(index, ServiceTypes.RegistrationsBaseUrl))
                : throw LoraException.Of(LoraError.PackageSourceUnreachable, name, name, NoFeed);
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Task<FoundPackage> FindAsync(RuntimePackage package, CancellationToken cancellation) => Asked(Name, async () =>
    {
        string folder = $"{package.Id}/{package.Version}".ToLowerInvariant();
        Uri address = new(packages, $"{folder}/{package.Id.ToLowerInvariant()}.{package.Version}.nupkg");
        long length = await client.ProcessResponseAsync(PackageDownload.Request(address, 0, 0), response => Task.FromResult(Length(response)), NullLogger.Instance, cancellation).ConfigureAwait(false)
            ?? throw LoraException.Of(LoraError.RuntimePackageNotFound, package.Id, Name, package);

        // One whose hash is known is one whose parts are known, and not all feeds have the nuspec by itself.
        Uri description = new(packages, $"{folder}/{package.Id.ToLowerInvariant()}.nuspec");
        using MemoryStream? nuspec = package.Hash is not null ? null : await AnswerAsync(client, description, cancellation).ConfigureAwait(false);
        IReadOnlyList<RuntimePackage> parts = nuspec is null ? [] : Parts(nuspec);
        return new FoundPackage(package, address.AbsoluteUri, length, package.Hash ?? await HashAsync(package, cancellation).ConfigureAwait(false), parts);
    });

    /// <inheritdoc/>
    public override Task<string> FetchAsync(FoundPackage found, string file, Action<long> report, CancellationToken cancellation) => Asked(Name, async () =>
    {
        await PackageDownload.FetchAsync(client, new(found.Place), file, report, cancellation).ConfigureAwait(false);
        return file;
    });

    /// <summary>What the feed's catalogue says of a package's file; null where it has no catalogue, or says nothing.</summary>
    private async Task<string?> HashAsync(RuntimePackage package, CancellationToken cancellation)
    {
        if (registrations is null)
        {
            return null;
        }

        JsonElement? leaf = await JsonAsync(client, new(registrations, $"{package.Id}/{package.Version}.json".ToLowerInvariant()), cancellation).ConfigureAwait(false);
        JsonElement? entry = leaf is { ValueKind: JsonValueKind.Object } found && found.TryGetProperty("catalogEntry", out JsonElement stated) ? stated : null;
        if (entry is { ValueKind: JsonValueKind.String } && Uri.TryCreate(entry.Value.GetString(), UriKind.Absolute, out Uri? address))
        {
            entry = await JsonAsync(client, address, cancellation).ConfigureAwait(false);
        }

        return entry is { ValueKind: JsonValueKind.Object } said && Text(said, "packageHashAlgorithm") is "SHA512" ? Text(said, "packageHash") : null;
    }

    // The client's own way to read JSON is by types of Newtonsoft.Json, of which PowerShell has another copy.
    private static async Task<JsonElement?> JsonAsync(HttpSource client, Uri address, CancellationToken cancellation)
    {
        using MemoryStream? answer = await AnswerAsync(client, address, cancellation).ConfigureAwait(false);
        return answer is null ? null : JsonSerializer.Deserialize<JsonElement>(answer);
    }

    /// <summary>A small answer, whole; null where there is none.</summary>
    private static Task<MemoryStream?> AnswerAsync(HttpSource client, Uri address, CancellationToken cancellation) => client.ProcessStreamAsync(
        Request(address),
        async stream => stream is null ? null : await PackageDownload.WholeAsync(stream, cancellation).ConfigureAwait(false),
        NullLogger.Instance,
        cancellation);

    /// <summary>The address of a service in a feed's index, by the first of its types that the feed has; null where it has none of them.</summary>
    private static Uri? Service(JsonElement? index, IEnumerable<string> types)
    {
        JsonElement[] resources = index is { ValueKind: JsonValueKind.Object } feed && feed.TryGetProperty("resources", out JsonElement list) && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : [];
        string? address = types.SelectMany(type => resources.Where(resource => Text(resource, "@type") == type)).Select(resource => Text(resource, "@id")).FirstOrDefault(id => id is not null);
        return address is null ? null
            : Uri.TryCreate(address.TrimEnd('/') + "/", UriKind.Absolute, out Uri? found) && found.Scheme is "http" or "https" ? found
            : throw new InvalidDataException($"its index names '{RuntimeOptions.NameOf(address)}' where an address is expected");
    }

    private static string? Text(JsonElement entry, string name) => entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static HttpSourceRequest Request(Uri address) => new(address, NullLogger.Instance) { IgnoreNotFounds = true };

    /// <summary>Bytes of the file that was asked for; null where it is not there.</summary>
    private static long? Length(HttpResponseMessage response)
    {
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        HttpContentHeaders headers = response.EnsureSuccessStatusCode().Content.Headers;
        return headers.ContentRange?.Length ?? headers.ContentLength ?? 0;
    }

    // NuGet's own handler reads its settings, and writes them where there are none. The credentials go to the feed's host alone.
    private static HttpHandlerResourceV3 Handler(PackageSource source)
    {
        HttpClientHandler handler = new() { AutomaticDecompression = DecompressionMethods.GZip | DecompressionMethods.Deflate, DefaultProxyCredentials = CredentialCache.DefaultCredentials };
        if (source.Credentials is PackageSourceCredential credentials)
        {
            handler.Credentials = new CredentialCache { { new Uri(source.SourceUri.GetLeftPart(UriPartial.Authority)), "Basic", new NetworkCredential(credentials.Username, credentials.Password) } };
        }

        return new(handler, handler);
    }

    private static async Task<T> Asked<T>(string name, Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (JsonException exception)
        {
            throw LoraException.From(exception, LoraError.PackageSourceUnreachable, name, name, NoFeed);
        }
        catch (Exception exception) when (PackageDownload.IsLost(exception) || exception is FatalProtocolException or XmlException or InvalidDataException)
        {
            throw LoraException.From(exception, LoraError.PackageSourceUnreachable, name, name, exception.GetBaseException().Message.TrimEnd('.'));
        }
    }
}
