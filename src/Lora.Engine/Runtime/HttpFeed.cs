using System.Net.Http.Headers;
using System.Text.Json;
using System.Xml;
using NuGet.Common;
using NuGet.Configuration;
using NuGet.Protocol;
using NuGet.Protocol.Core.Types;

namespace Lora.Runtime;

/// <summary>
/// A feed with version 3 of NuGet's protocol. NuGet's client speaks with it, by the proxy and the credentials that the user's NuGet.Config names;
/// only the packages are fetched our own way, which goes on after a cut.
/// </summary>
internal sealed class HttpFeed : PackageFeed
{
    private readonly HttpSource client;
    private readonly Uri packages;
    private readonly Uri? registrations;

    private HttpFeed(string name, HttpSource client, Uri packages, Uri? registrations)
        : base(name) => (this.client, this.packages, this.registrations) = (client, packages, registrations);

    /// <summary>Reads the index of a feed.</summary>
    /// <inheritdoc cref="PackageFeed.OpenAsync"/>
    public static async Task<HttpFeed> OpenAsync(PackageSource source, string scratch, CancellationToken cancellation)
    {
        string name = Shown(source);
        return await Asked(name, async () =>
        {
            SourceRepository repository = Repository.Factory.GetCoreV3(source);
            HttpSource client = (await repository.GetResourceAsync<HttpSourceResource>(cancellation).ConfigureAwait(false))!.HttpSource;
            client.HttpCacheDirectory = scratch; // in place of one that all programs share
            ServiceIndexResourceV3? index = await repository.GetResourceAsync<ServiceIndexResourceV3>(cancellation).ConfigureAwait(false);
            return index?.GetServiceEntryUri(ServiceTypes.PackageBaseAddress) is Uri packages
                ? new HttpFeed(name, client, AsFolder(packages), index.GetServiceEntryUri(ServiceTypes.RegistrationsBaseUrl) is Uri registrations ? AsFolder(registrations) : null)
                : throw LoraException.Of(LoraError.PackageSourceUnreachable, name, name, "it is no feed of version 3, whose address ends with index.json");
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Task<FoundPackage> FindAsync(RuntimePackage package, CancellationToken cancellation) => Asked(Name, async () =>
    {
        string folder = $"{package.Id}/{package.Version}".ToLowerInvariant();
        string file = $"{package.Id}.{package.Version}.nupkg".ToLowerInvariant();
        Uri address = new(packages, $"{folder}/{file}");
        IReadOnlyList<RuntimePackage> parts = await client.ProcessStreamAsync(
            Request(new(packages, $"{folder}/{package.Id.ToLowerInvariant()}.nuspec")),
            stream => Task.FromResult(stream is null ? throw LoraException.Of(LoraError.RuntimePackageNotFound, package.Id, Name, package) : Parts(stream)),
            NullLogger.Instance,
            cancellation).ConfigureAwait(false);
        long length = await client.ProcessResponseAsync(PackageDownload.Request(address, 0, 0), response => Task.FromResult(Length(response)), NullLogger.Instance, cancellation).ConfigureAwait(false);
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

        JsonElement? leaf = await JsonAsync(new(registrations, $"{package.Id}/{package.Version}.json".ToLowerInvariant()), cancellation).ConfigureAwait(false);
        JsonElement? entry = leaf?.TryGetProperty("catalogEntry", out JsonElement stated) == true ? stated : null;
        if (entry is { ValueKind: JsonValueKind.String } && Uri.TryCreate(entry.Value.GetString(), UriKind.Absolute, out Uri? address))
        {
            entry = await JsonAsync(address, cancellation).ConfigureAwait(false);
        }

        return entry is { ValueKind: JsonValueKind.Object } found && Text(found, "packageHashAlgorithm") is "SHA512" ? Text(found, "packageHash") : null;
    }

    private Task<JsonElement?> JsonAsync(Uri address, CancellationToken cancellation) => client.ProcessStreamAsync(
        Request(address),
        async stream => stream is null ? (JsonElement?)null : await JsonSerializer.DeserializeAsync<JsonElement>(stream, cancellationToken: cancellation).ConfigureAwait(false),
        NullLogger.Instance,
        cancellation);

    private static string? Text(JsonElement entry, string name) => entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static HttpSourceRequest Request(Uri address) => new(address, NullLogger.Instance) { IgnoreNotFounds = true };

    private static long Length(HttpResponseMessage response)
    {
        HttpContentHeaders headers = response.EnsureSuccessStatusCode().Content.Headers;
        return headers.ContentRange?.Length ?? headers.ContentLength ?? 0;
    }

    private static async Task<T> Asked<T>(string name, Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception exception) when (PackageDownload.IsLost(exception) || exception is FatalProtocolException or JsonException or XmlException)
        {
            throw LoraException.From(exception, LoraError.PackageSourceUnreachable, name, name, exception.GetBaseException().Message.TrimEnd('.'));
        }
    }

    private static Uri AsFolder(Uri address) => address.AbsoluteUri.EndsWith('/') ? address : new(address.AbsoluteUri + "/");

    // An address may carry a password or a key.
    private static string Shown(PackageSource source) => source.SourceUri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
}
