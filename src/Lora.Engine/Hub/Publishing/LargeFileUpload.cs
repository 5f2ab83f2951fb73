using System.Net.Http.Headers;
using System.Text.Json;

namespace Lora.Hub;

/// <summary>
/// Uploads files that a hub keeps beside git, by Git LFS' batch protocol with <c>basic</c> and the hub's <c>multipart</c> transfers: the hub says where
/// each goes, or that it is there already. Where it goes is another host: it gets what the hub's answer says and no token.
/// </summary>
/// <param name="client">Asks the hub.</param>
/// <param name="model">The model.</param>
/// <param name="sent">Told of bytes that were sent.</param>
internal sealed class LargeFileUpload(HubClient client, HubModel model, Action<PublishedFile, long> sent)
{
    private const string MediaType = "application/vnd.git-lfs+json";
    private const string PartSize = "chunk_size";

    private readonly Dictionary<string, string> accept = new() { ["Accept"] = MediaType };

    /// <summary>Uploads what is not there yet.</summary>
    /// <returns>Bytes that were sent.</returns>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    public async Task<long> RunAsync(IReadOnlyList<PublishedFile> files, CancellationToken cancellation)
    {
        object asked = new
        {
            operation = "upload",
            transfers = (string[])["basic", "multipart"],
            objects = files.Select(file => new { oid = file.Hash, size = file.Size }),
            hash_algo = "sha256",
        };
        JsonElement answer = await client.ReadJsonAsync(
            new() { Address = $"/{model.Name}.git/info/lfs/objects/batch", Method = HttpMethod.Post, Model = model, Content = () => HubJson.Of(asked, MediaType), Headers = accept }, cancellation).ConfigureAwait(false);
        long bytes = 0;
        foreach (PublishedFile file in files)
        {
            try
            {
                bytes += await SendAsync(file, Place(file, answer), cancellation).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or OverflowException)
            {
                // A list that is none, a name that is there twice, parts that no memory holds.
                throw LoraException.From(exception, LoraError.HubFailed, file.Name, client.Options.Endpoint.Authority, "what is no answer to an upload", $"the upload of {file.Name}", "");
            }
        }

        return bytes;
    }

    /// <summary>What an answer says of a file.</summary>
    private JsonElement Place(PublishedFile file, JsonElement answer)
    {
        JsonElement place = answer.TryGetProperty("objects", out JsonElement objects) ? objects.EnumerateArray().FirstOrDefault(one => HubJson.Text(one, "oid") == file.Hash) : default;
        return place.ValueKind != JsonValueKind.Object ? throw Failure(file, "no place for it")
            : place.TryGetProperty("error", out JsonElement error) ? throw Failure(file, HubJson.Text(error, "message") ?? "a refusal")
            : place;
    }

    private async Task<long> SendAsync(PublishedFile file, JsonElement place, CancellationToken cancellation)
    {
        if (!place.TryGetProperty("actions", out JsonElement actions) || !actions.TryGetProperty("upload", out JsonElement upload))
        {
            sent(file, file.Size);
            return 0; // there already, of another model or of an upload that was cut
        }

        string address = HubJson.Text(upload, "href") ?? throw Failure(file, "a place without an address");
        Dictionary<string, string> headers = upload.TryGetProperty("header", out JsonElement given) && given.ValueKind == JsonValueKind.Object
            ? given.EnumerateObject().ToDictionary(header => header.Name, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase) : [];
        if (headers.TryGetValue(PartSize, out string? text))
        {
            await SendPartsAsync(file, address, headers, long.TryParse(text, out long size) && size > 0 ? size : throw Failure(file, "parts without a size"), cancellation).ConfigureAwait(false);
        }
        else
        {
            using HttpResponseMessage response = await client.SendAsync(Put(file, address, headers, () => new StreamContent(File.OpenRead(file.Path))), cancellation).ConfigureAwait(false);
            sent(file, file.Size);
        }

        if (actions.TryGetProperty("verify", out JsonElement verify) && HubJson.Text(verify, "href") is string check)
        {
            HubRequest request = new() { Address = check, Method = HttpMethod.Post, Model = model, File = file.Name, Content = () => HubJson.Of(new { oid = file.Hash, size = file.Size }) };
            using HttpResponseMessage response = await client.SendAsync(request, cancellation).ConfigureAwait(false);
        }

        return file.Size;
    }

    /// <summary>A part an address, which the headers have by their numbers; what the host calls each is told to the hub at the end.</summary>
    private async Task SendPartsAsync(PublishedFile file, string address, Dictionary<string, string> headers, long size, CancellationToken cancellation)
    {
        (int Number, string Address)[] places =
            [.. headers.Where(header => int.TryParse(header.Key, out _)).Select(header => (int.Parse(header.Key, null), header.Value)).OrderBy(part => part.Item1)];
        if (places.Length != (file.Size + size - 1) / size)
        {
            throw Failure(file, $"{places.Length} parts of {size} bytes for {file.Size}");
        }

        List<object> parts = [];
        using FileStream stream = File.OpenRead(file.Path);
        foreach ((int number, string place) in places)
        {
            byte[] part = new byte[(int)Math.Min(size, file.Size - stream.Position)];
            await stream.ReadExactlyAsync(part, cancellation).ConfigureAwait(false);
            using HttpResponseMessage response = await client.SendAsync(Put(file, place, new Dictionary<string, string>(), () => new ByteArrayContent(part)), cancellation).ConfigureAwait(false);
            string tag = response.Headers.TryGetValues("ETag", out IEnumerable<string>? tags) ? tags.First() : throw Failure(file, "no ETag for a part");
            parts.Add(new { partNumber = number, etag = tag });
            sent(file, part.Length);
        }

        HubRequest end = new()
        {
            Address = address,
            Method = HttpMethod.Post,
            Model = model,
            File = file.Name,
            Content = () => HubJson.Of(new { oid = file.Hash, parts }, MediaType),
            Headers = accept,
        };
        using HttpResponseMessage answer = await client.SendAsync(end, cancellation).ConfigureAwait(false);
    }

    private HubRequest Put(PublishedFile file, string address, IReadOnlyDictionary<string, string> headers, Func<HttpContent> content) =>
        new() { Address = address, Method = HttpMethod.Put, Model = model, File = file.Name, Content = content, Headers = headers };

    private LoraException Failure(PublishedFile file, string said) =>
        LoraException.Of(LoraError.HubFailed, file.Name, client.Options.Endpoint.Authority, HubToken.Hide(client.Options.Token, said), $"the upload of {file.Name}", "");
}

/// <summary>JSON that is sent, and found in answers.</summary>
internal static class HubJson
{
    /// <summary>An object as what is sent.</summary>
    public static HttpContent Of(object value, string mediaType = "application/json") =>
        new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value)) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } };

    /// <summary>A text of an object; null where it has none of that name.</summary>
    public static string? Text(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
}
