using System.Text;
using System.Text.Json;

namespace Lora.Tests.Hubs;

/// <summary>What a server answers, and what goes wrong with it.</summary>
/// <param name="Status">The status.</param>
public sealed record LocalResponse(int Status)
{
    /// <summary>Headers; Content-Length is the body's.</summary>
    public Dictionary<string, string> Headers { get; init; } = [];

    /// <summary>The file that is sent; null for nothing.</summary>
    public LocalFile? File { get; init; }

    /// <summary>Where in the file what is sent begins.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes of the file that are sent; null for all after the offset.</summary>
    public long? Length { get; init; }

    /// <summary>Bytes of the body after which the connection is cut; null to send all.</summary>
    public long? CutAfter { get; init; }

    /// <summary>Bytes of the body after which nothing more comes, though the connection stands; null to send all.</summary>
    public long? StallAfter { get; init; }

    /// <summary>Whether a bit of the body is turned.</summary>
    public bool IsCorrupt { get; init; }

    /// <summary>Bytes of the body.</summary>
    public long BodyLength => Length ?? ((File?.Length ?? 0) - Offset);

    /// <summary>An answer of an API.</summary>
    public static LocalResponse Json(object value) => new(200) { File = new(JsonSerializer.SerializeToUtf8Bytes(value)), Headers = new() { ["Content-Type"] = "application/json; charset=utf-8" } };

    /// <summary>A refusal, as the hub words them.</summary>
    public static LocalResponse Refusal(int status, string? code, string message)
    {
        LocalResponse response = new(status) { File = new(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { error = message }))), Headers = new() { ["X-Error-Message"] = message } };
        if (code is not null)
        {
            response.Headers["X-Error-Code"] = code;
        }

        return response;
    }

    /// <summary>A file, or the part of it that a request asks for.</summary>
    public static LocalResponse Content(LocalFile file, LocalRequest request, Dictionary<string, string> headers)
    {
        headers["Accept-Ranges"] = "bytes";
        if (request.Range(file.Length) is not (long first, long last))
        {
            return new(200) { File = file, Headers = headers };
        }

        if (first >= file.Length || last < first)
        {
            return new(416) { Headers = new() { ["Content-Range"] = $"bytes */{file.Length}" } };
        }

        headers["Content-Range"] = $"bytes {first}-{last}/{file.Length}";
        return new(206) { File = file, Offset = first, Length = last - first + 1, Headers = headers };
    }
}
