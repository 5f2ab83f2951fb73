using System.Text;
using System.Text.Json;
using Lora.Adapters;

namespace Lora.Hub;

/// <summary>
/// Publishes an adapter's folder: the repository is made where there is none, large files are uploaded, and one commit puts all of them in place, so that
/// nobody sees a half. What was uploaded before a failure or a kill is not sent again.
/// </summary>
public sealed class AdapterPublication
{
    private const string Commit = "commit";

    private readonly IReadOnlyList<PublishedFile> files;

    private AdapterPublication(string folder, IReadOnlyList<PublishedFile> files, IReadOnlyList<string> warnings)
    {
        Folder = folder;
        this.files = files;
        Warnings = warnings;
    }

    /// <summary>The adapter's folder.</summary>
    public string Folder { get; }

    /// <summary>The names of the files that are published.</summary>
    public IReadOnlyList<string> Files => [.. files.Select(file => file.Name)];

    /// <summary>Bytes of all the files.</summary>
    public long Size => files.Sum(file => file.Size);

    /// <summary>What others would stumble over.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Looks at the folder; nothing goes out.</summary>
    /// <param name="folder">An adapter's folder.</param>
    /// <exception cref="LoraException">What is wrong with the adapter, as <see cref="AdapterFolder.Load"/> finds it, or a file that cannot be read.</exception>
    public static AdapterPublication Plan(string folder)
    {
        LoraAdapter adapter = AdapterFolder.Load(folder);
        IReadOnlyList<PublishedFile> files = AdapterFiles.Of(folder);
        List<string> warnings = [];
        if (adapter.Config.BaseModelNameOrPath is not string name || !HubModel.IsName(name))
        {
            string called = adapter.Config.BaseModelNameOrPath is string path ? $"calls its base model '{path}', which means nothing elsewhere" : "names no base model";
            warnings.Add($"The adapter in '{folder}' {called}: Export-LoraAdapter -BaseModelName org/name writes one that others can load.");
        }

        if (!files.Any(file => file.Name == AdapterFiles.Card))
        {
            warnings.Add($"The folder '{folder}' has no {AdapterFiles.Card}, which is what the adapter's page shows.");
        }

        return new(folder, files, warnings);
    }

    /// <summary>Publishes.</summary>
    /// <param name="client">Asks the hub.</param>
    /// <param name="model">The repository, with its owner; it is made where there is none.</param>
    /// <param name="isPublic">Whether everybody may see it.</param>
    /// <param name="message">The commit's message.</param>
    /// <param name="progress">Told of bytes.</param>
    /// <param name="cancellation">Ends the work; what was uploaded is not sent again.</param>
    /// <exception cref="LoraException">One of the causes that begin with Hub; ConfigConflict for a repository that everybody sees, where that was not asked for.</exception>
    public async Task<LoraPublishedAdapter> RunAsync(HubClient client, HubModel model, bool isPublic, string message, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(model);
        _ = HubModel.WithOwner(model.Name);
        bool isPrivate = await BeginAsync(client, model, isPublic, cancellation).ConfigureAwait(false);
        HubListing listing = await HubListing.ReadAsync(client, model, cancellation).ConfigureAwait(false);
        LoraPublishedAdapter published = new()
        {
            Name = model.Name,
            Url = new Uri(client.Options.Endpoint.AbsoluteUri.TrimEnd('/') + "/" + model.Name),
            IsPrivate = isPrivate,
            Commit = listing.Commit,
            File = [.. Files],
            Size = Size,
        };
        PublishedFile[] changed = [.. files.Where(file => !file.IsThere(listing))];
        if (changed.Length == 0)
        {
            return published;
        }

        HashSet<string> large = await AskAsync(client, model, changed, cancellation).ConfigureAwait(false);
        (long done, long total) = (0, changed.Where(file => large.Contains(file.Name)).Sum(file => file.Size));
        LargeFileUpload upload = new(client, model, (file, count) => progress?.Report(new("Uploading", done += count, total, WorkUnit.Byte, file.Name)));
        PublishedFile[] uploaded = [.. changed.Where(file => large.Contains(file.Name))];
        long sent = uploaded.Length == 0 ? 0 : await upload.RunAsync(uploaded, cancellation).ConfigureAwait(false);
        byte[] body = Body(changed, large, message);
        HubRequest commit = Post(model, $"/api/models/{model.Name}/{Commit}/{HubModel.Main}", () =>
            new ByteArrayContent(body) { Headers = { ContentType = new("application/x-ndjson") } });
        JsonElement answer = await client.ReadJsonAsync(commit, cancellation).ConfigureAwait(false);
        return published with
        {
            Commit = HubJson.Text(answer, "commitOid") ?? "",
            UploadedSize = sent + changed.Except(uploaded).Sum(file => file.Size),
        };
    }

    /// <summary>Makes the repository where there is none.</summary>
    /// <returns>Whether it is private.</returns>
    private static async Task<bool> BeginAsync(HubClient client, HubModel model, bool isPublic, CancellationToken cancellation)
    {
        if (await IsPrivateAsync(client, model, cancellation).ConfigureAwait(false) is bool isPrivate)
        {
            return isPrivate || isPublic ? isPrivate
                : throw LoraException.Of(LoraError.ConfigConflict, model.Name, $"everybody sees '{model.Name}', and what is published is private unless -Public is given");
        }

        string[] name = model.Name.Split('/');
        try
        {
            HubRequest request = Post(model, "/api/repos/create", () => HubJson.Of(new { type = "model", name = name[1], organization = name[0], @private = !isPublic }));
            using HttpResponseMessage response = await client.SendAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (LoraException exception) when (exception.Error == LoraError.HubFailed)
        {
            // Where an answer was lost it was made all the same, and the next attempt is a conflict.
            if (await IsPrivateAsync(client, model, cancellation).ConfigureAwait(false) is not bool made || made == isPublic)
            {
                throw;
            }
        }

        return !isPublic;
    }

    /// <summary>Whether the repository is private; null where there is none.</summary>
    private static async Task<bool?> IsPrivateAsync(HubClient client, HubModel model, CancellationToken cancellation)
    {
        try
        {
            JsonElement there = await client.ReadJsonAsync(new() { Address = $"/api/models/{model.Name}", Model = model }, cancellation).ConfigureAwait(false);
            return there.ValueKind == JsonValueKind.Object && there.TryGetProperty("private", out JsonElement flag) && flag.ValueKind == JsonValueKind.True;
        }
        catch (LoraException exception) when (exception.Error == LoraError.HubModelNotFound)
        {
            return null;
        }
    }

    /// <summary>Asks which files are kept beside git.</summary>
    private static async Task<HashSet<string>> AskAsync(HubClient client, HubModel model, PublishedFile[] changed, CancellationToken cancellation)
    {
        object asked = new { files = changed.Select(file => new { path = file.Name, size = file.Size, sample = Convert.ToBase64String(file.Start) }) };
        JsonElement answer = await client.ReadJsonAsync(Post(model, $"/api/models/{model.Name}/preupload/{HubModel.Main}", () => HubJson.Of(asked)), cancellation).ConfigureAwait(false);
        return answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("files", out JsonElement files) && files.ValueKind == JsonValueKind.Array
            ? [.. files.EnumerateArray().Where(file => HubJson.Text(file, "uploadMode") == "lfs").Select(file => HubJson.Text(file, "path")).OfType<string>()]
            : throw LoraException.Of(LoraError.HubFailed, model.Name, client.Options.Endpoint.Authority, "no list of files", model, "");
    }

    /// <summary>A commit as hubs take it: a line of JSON with its message, then one a file.</summary>
    private static byte[] Body(IEnumerable<PublishedFile> changed, HashSet<string> large, string message)
    {
        IEnumerable<object> lines = changed.Select(file => large.Contains(file.Name)
            ? (object)new { key = "lfsFile", value = new { path = file.Name, algo = "sha256", oid = file.Hash, size = file.Size } }
            : new { key = "file", value = new { path = file.Name, content = Convert.ToBase64String(File.ReadAllBytes(file.Path)), encoding = "base64" } });
        return Encoding.UTF8.GetBytes(string.Join('\n', lines.Prepend(new { key = "header", value = new { summary = message, description = "" } }).Select(line => JsonSerializer.Serialize(line))) + "\n");
    }

    private static HubRequest Post(HubModel model, string address, Func<HttpContent> content) =>
        new() { Address = address, Method = HttpMethod.Post, Model = model, Content = content };
}
