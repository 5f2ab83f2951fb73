using System.Net.Http.Headers;

namespace Lora.Hub;

/// <summary>One request, which may be made several times until it is answered.</summary>
public sealed record HubRequest
{
    /// <summary>A path at the endpoint that begins with a slash, or the full address that the hub gave for something.</summary>
    public required string Address { get; init; }

    /// <summary>What is done there.</summary>
    public HttpMethod Method { get; init; } = HttpMethod.Get;

    /// <summary>The model that it is about, for messages; null for none.</summary>
    public HubModel? Model { get; init; }

    /// <summary>The file of the model that it is about, for messages; null for none.</summary>
    public string? File { get; init; }

    /// <summary>The part of a file that is wanted; null for all of it.</summary>
    public RangeHeaderValue? Range { get; init; }

    /// <summary>Makes what is sent, anew for each attempt; null for nothing.</summary>
    public Func<HttpContent>? Content { get; init; }

    /// <summary>Headers that the hub gave for this address.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the answer that leads to another host is wanted itself, for what its headers say of the file there.</summary>
    public bool StaysOnHost { get; init; }

    /// <summary>Whether doing it twice is doing it once, so that it can be tried again.</summary>
    public bool IsRepeatable { get; init; } = true;

    /// <summary>What is asked for, in a message.</summary>
    internal string Subject => (Model, File) switch
    {
        ({ } model, { } file) => $"{file} of {model}",
        ({ } model, null) => $"{model}",
        _ => Address.Split('?')[0], // what follows may be a signature
    };
}
