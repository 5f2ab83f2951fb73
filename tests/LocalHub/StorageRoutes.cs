using System.Security.Cryptography;

namespace Lora.Tests.Hubs;

/// <summary>The other host: large files by their hash. It refuses whoever sends a token beside the signature in the address, as S3 does.</summary>
/// <param name="hub">The hub.</param>
internal sealed class StorageRoutes(LocalHub hub)
{
    public LocalResponse? Answer(LocalRequest request)
    {
        string hash = request.Parts is [string part] ? part : "";
        if (request.Header("Authorization") is not null)
        {
            return LocalResponse.Refusal(400, null, "Only one auth mechanism allowed");
        }

        if (!request.Query.StartsWith("X-Signature=", StringComparison.Ordinal))
        {
            return LocalResponse.Refusal(403, null, "Access denied");
        }

        if (request.Method == "PUT" && request.Parts is [string whole, string number])
        {
            hub.Parts[$"{whole}/{number}"] = request.Body;
            return new(200) { Headers = new() { ["ETag"] = $"\"{number}-{request.Body.Length}\"" } };
        }

        if (request.Method == "PUT")
        {
            return Convert.ToHexStringLower(SHA256.HashData(request.Body)) is string found && found == hash ? Take(hash, request.Body) : LocalResponse.Refusal(400, null, "BadDigest");
        }

        return hub.Storage.TryGetValue(hash, out LocalFile? file) ? LocalResponse.Content(file, request, new() { ["ETag"] = $"\"of-{hash}\"" }) : null;
    }

    private LocalResponse Take(string hash, byte[] content)
    {
        hub.Storage[hash] = new(content, isLarge: true);
        return new(200);
    }
}
