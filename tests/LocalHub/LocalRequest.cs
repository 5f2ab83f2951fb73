using System.Text.Json;

namespace Lora.Tests.Hubs;

/// <summary>A request as it came, for tests that ask what went where.</summary>
/// <param name="Server">Which of the servers it came to: <c>hub</c> or <c>cdn</c>.</param>
/// <param name="Method">GET, HEAD, POST or PUT.</param>
/// <param name="Target">Path and query as they were written.</param>
/// <param name="Headers">The headers, by their names without regard to case.</param>
/// <param name="Body">What was sent.</param>
public sealed record LocalRequest(string Server, string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    /// <summary>The path, its escapes undone.</summary>
    public string Path => Uri.UnescapeDataString(Target.Split('?')[0]);

    /// <summary>The parts of the path, each with its escapes undone: a slash within one stays inside of it.</summary>
    public string[] Parts => [.. Target.Split('?')[0].Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString)];

    /// <summary>The text after the question mark.</summary>
    public string Query => Target.Contains('?', StringComparison.Ordinal) ? Target[(Target.IndexOf('?', StringComparison.Ordinal) + 1)..] : "";

    /// <summary>A header; null where it was not sent.</summary>
    public string? Header(string name) => Headers.GetValueOrDefault(name);

    /// <summary>The token that came; null without one.</summary>
    public string? Token => Header("Authorization") is string value && value.StartsWith("Bearer ", StringComparison.Ordinal) ? value["Bearer ".Length..] : null;

    /// <summary>What was sent, read as JSON.</summary>
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    /// <summary>The part that was asked for, first and last byte of a content so long; null for all of it, or where no part of it was.</summary>
    public (long First, long Last)? Range(long length)
    {
        if (Header("Range") is not string text || !text.StartsWith("bytes=", StringComparison.Ordinal))
        {
            return null;
        }

        string[] ends = text["bytes=".Length..].Split('-');
        return ends[0].Length == 0
            ? (Math.Max(0, length - long.Parse(ends[1], null)), length - 1)
            : (long.Parse(ends[0], null), ends[1].Length == 0 ? length - 1 : Math.Min(long.Parse(ends[1], null), length - 1));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Server} {Method} {Target}";
}
