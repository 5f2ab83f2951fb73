using System.Globalization;

namespace Lora.Tests.Hubs;

/// <summary>What the hub tells and gives: who asks, a model's description, its tree, its files.</summary>
/// <param name="hub">The hub.</param>
internal sealed class ReadRoutes(LocalHub hub)
{
    private const int PointerBytes = 134;

    public LocalResponse? Answer(LocalRequest request) => request.Method is not ("GET" or "HEAD") ? null : request.Parts switch
    {
        ["api", "whoami-v2"] => hub.Knows(request) ? LocalResponse.Json(new { type = "user", name = hub.User }) : LocalResponse.Refusal(401, null, "Invalid username or password."),
        ["api", "models", string owner, string name] => Describe(request, $"{owner}/{name}", "main"),
        ["api", "models", string owner, string name, "revision", string revision] => Describe(request, $"{owner}/{name}", revision),
        ["api", "models", string owner, string name, "tree", string revision, ..] => Tree(request, $"{owner}/{name}", revision),
        ["api", "resolve-cache", "models", string owner, string name, string commit, .. string[] path] => Cached(request, $"{owner}/{name}", commit, string.Join('/', path)),
        [string owner, string name, "resolve", string revision, .. string[] path] => Resolve(request, $"{owner}/{name}", revision, string.Join('/', path)),
        _ => null,
    };

    // A gated model shows what it has to everybody.
    private LocalResponse Describe(LocalRequest request, string name, string revision)
    {
        if (Find(request, name, revision, out LocalRepository? repository, out string commit) is { } refusal)
        {
            return refusal;
        }

        bool hasBlobs = request.Query.Contains("blobs=true", StringComparison.OrdinalIgnoreCase);
        object[] siblings =
        [
            .. from file in repository!.FilesOf(commit)
               orderby file.Key
               select !hasBlobs ? (object)new { rfilename = file.Key }
                   : file.Value.IsLarge
                       ? new { rfilename = file.Key, size = file.Value.Length, blobId = file.Value.BlobId, lfs = new { sha256 = file.Value.Sha256, size = file.Value.Length, pointerSize = PointerBytes } }
                       : new { rfilename = file.Key, size = file.Value.Length, blobId = file.Value.BlobId },
        ];
        return LocalResponse.Json(new { id = name, modelId = name, sha = commit, @private = repository.IsPrivate, gated = repository.IsGated ? (object)"manual" : false, disabled = false, siblings });
    }

    private LocalResponse Tree(LocalRequest request, string name, string revision) => Find(request, name, revision, out LocalRepository? repository, out string commit)
        ?? LocalResponse.Json(repository!.FilesOf(commit).OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => file.Value.IsLarge
            ? (object)new { type = "file", oid = file.Value.BlobId, size = file.Value.Length, path = file.Key, lfs = new { oid = file.Value.Sha256, size = file.Value.Length, pointerSize = PointerBytes } }
            : new { type = "file", oid = file.Value.BlobId, size = file.Value.Length, path = file.Key }));

    /// <summary>Small files lie behind a relative redirect, large ones at another host.</summary>
    private LocalResponse Resolve(LocalRequest request, string name, string revision, string path)
    {
        if (Find(request, name, revision, out LocalRepository? repository, out string commit) is { } refusal)
        {
            return refusal;
        }

        if (repository!.IsGated && !(hub.Knows(request) && repository.LetsIn))
        {
            return hub.Knows(request)
                ? LocalResponse.Refusal(403, "GatedRepo", $"Access to model {name} is restricted and you are not in the authorized list. Visit {hub.Address}/{name} to ask for access.")
                : LocalResponse.Refusal(401, "GatedRepo", $"Access to model {name} is restricted. You must have access to it and be authenticated to access it. Please log in.");
        }

        if (!repository.FilesOf(commit).TryGetValue(path, out LocalFile? file))
        {
            LocalResponse missing = LocalResponse.Refusal(404, "EntryNotFound", "Entry not found");
            missing.Headers["X-Repo-Commit"] = commit;
            return missing;
        }

        Dictionary<string, string> headers = new()
        {
            ["X-Repo-Commit"] = commit,
            ["X-Linked-Size"] = file.Length.ToString(CultureInfo.InvariantCulture),
            ["X-Linked-Etag"] = $"\"{file.ETag}\"",
            ["ETag"] = $"\"{file.BlobId}\"",
            ["Accept-Ranges"] = "bytes",
        };
        if (file.IsLarge)
        {
            hub.Storage[file.Sha256] = file;
            headers["Location"] = $"{hub.StorageAddress}/{file.Sha256}?X-Signature=0123456789";
            return new(302) { Headers = headers };
        }

        headers["Location"] = $"/api/resolve-cache/models/{name}/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}";
        return new(307) { Headers = headers };
    }

    private LocalResponse Cached(LocalRequest request, string name, string commit, string path)
    {
        LocalRepository repository = hub.Repositories[name];
        if (repository.IsGated && !hub.Knows(request))
        {
            return LocalResponse.Refusal(401, "GatedRepo", "The token did not come along.");
        }

        LocalFile file = repository.FilesOf(commit)[path];
        return LocalResponse.Content(file, request, new() { ["X-Repo-Commit"] = commit, ["ETag"] = $"\"{file.ETag}\"" });
    }

    /// <summary>A refusal where a model, or its revision, is not there for who asks.</summary>
    internal LocalResponse? Find(LocalRequest request, string name, string revision, out LocalRepository? repository, out string commit)
    {
        commit = "";
        if (request.Token is not null && !hub.Knows(request))
        {
            repository = null;
            return LocalResponse.Refusal(401, null, "Invalid credentials in Authorization header");
        }

        if (!hub.Repositories.TryGetValue(name, out repository) || (repository.IsPrivate && !hub.Knows(request)))
        {
            // Who does not say who he is is not told what there is.
            return request.Token is null ? LocalResponse.Refusal(401, "RepoNotFound", "Invalid username or password.") : LocalResponse.Refusal(404, "RepoNotFound", "Repository not found");
        }

        if (repository.Find(revision) is not string found)
        {
            return LocalResponse.Refusal(404, "RevisionNotFound", $"Invalid rev id: {revision}");
        }

        commit = found;
        return null;
    }
}
