using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lora.Tests.Hubs;

/// <summary>What the hub takes: a new model, the question which files go where, large files' places, and the commit.</summary>
/// <param name="hub">The hub.</param>
internal sealed class UploadRoutes(LocalHub hub)
{
    public LocalResponse? Answer(LocalRequest request)
    {
        if (request.Method != "POST")
        {
            return null;
        }

        if (!hub.Knows(request))
        {
            return LocalResponse.Refusal(401, null, request.Token is null ? "Invalid username or password." : "Invalid credentials in Authorization header");
        }

        if (request.Token == hub.ReadToken)
        {
            return LocalResponse.Refusal(403, null, "You don't have the rights to create a model under the namespace. Your token has the role read.");
        }

        return request.Parts switch
        {
            ["api", "repos", "create"] => Create(request.Json),
            ["api", "complete_multipart"] => Complete(request.Json),
            ["api", "models", string owner, string name, "preupload", _] => Of($"{owner}/{name}", _ => Ask(request.Json)),
            [string owner, string name, "info", "lfs", "objects", "batch"] => Of($"{owner}/{name[..^".git".Length]}", repository => Places(repository.Name, request.Json)),
            [string owner, string name, "info", "lfs", "objects", "verify"] => Of($"{owner}/{name[..^".git".Length]}", _ => Verify(request.Json)),
            ["api", "models", string owner, string name, "commit", string revision] => Of($"{owner}/{name}", repository => Commit(repository, revision, request.Body)),
            _ => null,
        };
    }

    private LocalResponse Of(string name, Func<LocalRepository, LocalResponse> answer) =>
        hub.Repositories.TryGetValue(name, out LocalRepository? repository) ? answer(repository) : LocalResponse.Refusal(404, "RepoNotFound", "Repository not found");

    private LocalResponse Create(JsonElement asked)
    {
        string owner = asked.TryGetProperty("organization", out JsonElement organization) && organization.GetString() is string given ? given : hub.User;
        string name = $"{owner}/{asked.GetProperty("name").GetString()}";
        object created = new { url = $"{hub.Address}/{name}", name, id = name };
        if (hub.Repositories.ContainsKey(name))
        {
            return LocalResponse.Json(created) with { Status = 409 };
        }

        hub.Add(name, new Dictionary<string, LocalFile> { [".gitattributes"] = new([]) }).IsPrivate = asked.TryGetProperty("private", out JsonElement isPrivate) && isPrivate.GetBoolean();
        return LocalResponse.Json(created);
    }

    private static LocalResponse Ask(JsonElement asked) => LocalResponse.Json(new
    {
        files = asked.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("path").GetString()!).Select(path =>
            new { path, uploadMode = path.EndsWith(".safetensors", StringComparison.Ordinal) ? "lfs" : "regular", shouldIgnore = false, oid = (string?)null }).ToArray(),
    });

    private LocalResponse Places(string name, JsonElement asked) => LocalResponse.Json(new
    {
        transfer = "basic",
        objects = asked.GetProperty("objects").EnumerateArray().Select(file => (Hash: file.GetProperty("oid").GetString()!, Size: file.GetProperty("size").GetInt64()))
            .Select(file => hub.Storage.ContainsKey(file.Hash)
                ? (object)new { oid = file.Hash, size = file.Size }
                : new
                {
                    oid = file.Hash,
                    size = file.Size,
                    actions = new
                    {
                        upload = Place(file.Hash, file.Size),
                        verify = new { href = $"{hub.Address}/{name}.git/info/lfs/objects/verify", header = new Dictionary<string, string>() },
                    },
                }).ToArray(),
    });

    /// <summary>One address or, of a file that is longer than a part, one a part, among the headers by its number.</summary>
    private object Place(string hash, long size) => hub.PartSize is not long part || size <= part
        ? new { href = $"{hub.StorageAddress}/{hash}?X-Signature=0123456789", header = new Dictionary<string, string>() }
        : new
        {
            href = $"{hub.Address}/api/complete_multipart?uploadId=1",
            header = Enumerable.Range(1, (int)((size + part - 1) / part))
                .ToDictionary(number => $"{number}", number => $"{hub.StorageAddress}/{hash}/{number}?X-Signature=0123456789")
                .Append(new("chunk_size", $"{part}")).ToDictionary(),
        };

    private LocalResponse Complete(JsonElement asked)
    {
        string hash = asked.GetProperty("oid").GetString()!;
        byte[][] parts = [.. asked.GetProperty("parts").EnumerateArray().Select(part => (Number: part.GetProperty("partNumber").GetInt32(), Tag: part.GetProperty("etag").GetString()))
            .Select(part => hub.Parts.TryGetValue($"{hash}/{part.Number}", out byte[]? content) && part.Tag == $"\"{part.Number}-{content.Length}\"" ? content : [])];
        byte[] whole = [.. parts.SelectMany(part => part)];
        if (Convert.ToHexStringLower(SHA256.HashData(whole)) != hash)
        {
            return LocalResponse.Refusal(400, null, "InvalidPart");
        }

        hub.Storage[hash] = new(whole, isLarge: true);
        return new(200);
    }

    private LocalResponse Verify(JsonElement asked) =>
        hub.Storage.TryGetValue(asked.GetProperty("oid").GetString()!, out LocalFile? file) && file.Length == asked.GetProperty("size").GetInt64()
            ? new(200) : LocalResponse.Refusal(422, null, "The file is not there");

    /// <summary>Lines of JSON: a header, then what changes.</summary>
    private LocalResponse Commit(LocalRepository repository, string revision, byte[] body)
    {
        Dictionary<string, LocalFile> files = repository.Find(revision) is string commit ? new(repository.FilesOf(commit)) : [];
        foreach (string line in Encoding.UTF8.GetString(body).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            JsonElement entry = JsonDocument.Parse(line).RootElement;
            JsonElement value = entry.GetProperty("value");
            switch (entry.GetProperty("key").GetString())
            {
                case "file":
                    files[value.GetProperty("path").GetString()!] = new(value.GetProperty("content").GetBytesFromBase64());
                    break;
                case "lfsFile" when hub.Storage.TryGetValue(value.GetProperty("oid").GetString()!, out LocalFile? stored):
                    files[value.GetProperty("path").GetString()!] = stored;
                    break;
                case "lfsFile":
                    return LocalResponse.Refusal(400, null, "A large file was not uploaded");
                case "deletedFile":
                    files.Remove(value.GetProperty("path").GetString()!);
                    break;
            }
        }

        string made = repository.Push(files, revision);
        return LocalResponse.Json(new { success = true, commitOid = made, commitUrl = $"{hub.Address}/{repository.Name}/commit/{made}", pullRequestUrl = (string?)null });
    }
}
