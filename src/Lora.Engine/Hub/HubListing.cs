using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lora.Hub;

/// <summary>One state of a model on a hub: its commit, and its files with their sizes and hashes.</summary>
/// <param name="Model">The model, as it was asked for.</param>
/// <param name="Commit">The commit that its revision stands for.</param>
/// <param name="Files">The files.</param>
public sealed partial record HubListing(HubModel Model, string Commit, IReadOnlyList<HubFile> Files)
{
    /// <summary>The model at the commit, whose content stays the same while its files are read one after another.</summary>
    public HubModel AtCommit { get; } = new(Model.Name, Commit);

    /// <summary>Asks a hub.</summary>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    public static async Task<HubListing> ReadAsync(HubClient client, HubModel model, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(model);
        return Of(model, await client.ReadJsonAsync(new() { Address = model.Description + "?blobs=true", Model = model }, cancellation).ConfigureAwait(false), client.Options.Endpoint.Authority);
    }

    /// <summary>Reads a hub's description of a model. None of its paths leads out of the model; which of them this machine can have is asked of those that are downloaded.</summary>
    /// <param name="model">The model.</param>
    /// <param name="description">What the hub said.</param>
    /// <param name="host">The hub.</param>
    /// <exception cref="LoraException">HubFailed.</exception>
    internal static HubListing Of(HubModel model, JsonElement description, string host)
    {
        try
        {
            string commit = description.GetProperty("sha").GetString() ?? "";
            return CommitForm().IsMatch(commit) ? new(model, commit, [.. description.GetProperty("siblings").EnumerateArray().Select(HubFile.Of).DistinctBy(file => file.Path)])
                : throw new FormatException();
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException or KeyNotFoundException)
        {
            throw LoraException.From(exception, LoraError.HubFailed, model.Name, host, "what is no description of a model", model, "");
        }
    }

    [GeneratedRegex(@"^[0-9a-f]{40}\z")]
    private static partial Regex CommitForm();
}

/// <summary>A file of a model on a hub.</summary>
/// <param name="Path">Its path in the model, with slashes.</param>
/// <param name="Size">Bytes; null where the hub's list does not say.</param>
/// <param name="Hash">Its SHA-256 where it is kept beside git, else git's SHA-1 of it; null where the hub's list does not say.</param>
public sealed partial record HubFile(string Path, long? Size, string? Hash)
{
    private const string Forbidden = @"\:*?""<>|"; // of Windows' names
    private const long MostBytes = 1L << 50; // so that no sum of them is too large for a number

    /// <summary>The file's name.</summary>
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>The folder of the model that it is in; empty for the root.</summary>
    public string Folder => Path.Contains('/', StringComparison.Ordinal) ? Path[..Path.LastIndexOf('/')] : "";

    /// <summary>The file with what its own address says of size and hash, where the list did not.</summary>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    internal async Task<HubFile> CompleteAsync(HubClient client, HubModel model, CancellationToken cancellation)
    {
        if (Size is not null && Hash is not null)
        {
            return this;
        }

        HubRequest request = new() { Address = model.PathOf(Path), Method = HttpMethod.Head, Model = model, File = Path, StaysOnHost = true };
        using HttpResponseMessage response = await client.SendAsync(request, cancellation).ConfigureAwait(false);
        string tag = (Header("X-Linked-Etag") ?? response.Headers.ETag?.Tag ?? "").Trim('"');
        long? size = long.TryParse(Header("X-Linked-Size"), out long linked) ? linked : response.Content.Headers.ContentLength;
        return size is not null && HashForm().IsMatch(tag) ? this with { Size = size, Hash = tag }
            : throw LoraException.Of(LoraError.HubFailed, model.Name, client.Options.Endpoint.Authority, "neither size nor hash", request.Subject, "");

        string? Header(string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.First().Replace("W/", "", StringComparison.Ordinal) : null;
    }

    /// <summary>An entry of a description.</summary>
    /// <exception cref="FormatException">A path that leads out of the model's folder, or a hash that is none.</exception>
    internal static HubFile Of(JsonElement entry)
    {
        string path = entry.GetProperty("rfilename").GetString() ?? "";
        bool isLarge = entry.TryGetProperty("lfs", out JsonElement large) && large.ValueKind == JsonValueKind.Object;
        long? size = (isLarge ? large : entry).TryGetProperty("size", out JsonElement bytes) && bytes.ValueKind == JsonValueKind.Number ? bytes.GetInt64() : null;
        string? hash = (isLarge ? large.TryGetProperty("sha256", out JsonElement found) : entry.TryGetProperty("blobId", out found)) ? found.GetString() : null;
        return IsInside(path) && size is not (< 0 or > MostBytes) && (hash is null || HashForm().IsMatch(hash)) ? new(path, size, hash) : throw new FormatException();
    }

    // The path becomes one of this machine, and the hash a file's name.
    private static bool IsInside(string path) => !path.Contains('\0', StringComparison.Ordinal) && path.Split('/').All(part => part.Trim() is not ("" or "." or ".."));

    /// <summary>Whether a machine can have a file of this path, and not another in its place.</summary>
    /// <param name="isWindows">Whether it is one of Windows, for which some letters, the names of devices and the ends of names have a meaning.</param>
    // learn.microsoft.com/windows/win32/fileio/naming-a-file
    internal bool IsNameable(bool isWindows) => !isWindows || Path.Split('/').All(part =>
        part[^1] is not ('.' or ' ') && !part.Any(letter => char.IsControl(letter) || Forbidden.Contains(letter, StringComparison.Ordinal)) && !Device().IsMatch(part));

    [GeneratedRegex(@"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|\z)", RegexOptions.IgnoreCase)]
    private static partial Regex Device();

    [GeneratedRegex(@"^([0-9a-f]{40}|[0-9a-f]{64})\z")]
    private static partial Regex HashForm();
}
