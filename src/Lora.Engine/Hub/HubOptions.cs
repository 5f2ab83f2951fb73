namespace Lora.Hub;

/// <summary>Which hub is asked, on whose behalf, and how patiently.</summary>
public sealed record HubOptions
{
    /// <summary>The hub's address, without a slash at its end. The token goes to its host and port alone.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co");

    /// <summary>The user's token; null for none.</summary>
    public HubToken? Token { get; init; }

    /// <summary>Whether nothing may go out: each request is refused before it is made.</summary>
    public bool IsOffline { get; init; }

    /// <summary>The cache's folder, which has a folder a model; it need not be there.</summary>
    public required string Cache { get; init; }

    /// <summary>Whether snapshots hold copies where links could be made.</summary>
    public bool AvoidsLinks { get; init; }

    /// <summary>Times that a request is made until its failure is reported, and that a file is gone on with without a byte more.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>The wait before the second attempt; before each further one it is twice as long, to eight seconds.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest wait that a hub may ask for; one that asks for more is reported at once.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromMinutes(6);

    /// <summary>Time without a byte after which a connection counts as lost.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Files that are downloaded at the same time or, of few large ones, their parts.</summary>
    public int Connections { get; init; } = 4;

    /// <summary>Bytes of a part, where one large file comes over several connections; they are in memory until those before them have come.</summary>
    internal int PartBytes { get; init; } = 32 << 20;

    /// <summary>What of the environment its user may not have meant.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What the environment says, as Hugging Face's own tools read it.</summary>
    /// <param name="token">The token to use in place of the environment's.</param>
    /// <param name="isOffline">Whether nothing may go out, whatever the environment says.</param>
    /// <exception cref="LoraException">HubSettingInvalid, or FileUnreadable for the token's file.</exception>
    public static HubOptions FromEnvironment(HubToken? token = null, bool isOffline = false) => From(new(), token, isOffline);

    /// <inheritdoc cref="FromEnvironment"/>
    internal static HubOptions From(HubEnvironment environment, HubToken? token = null, bool isOffline = false)
    {
        HubOptions usual = new() { Cache = environment.Cache };
        return usual with
        {
            Endpoint = environment.Endpoint,
            Token = token ?? environment.Token,
            IsOffline = isOffline || environment.IsOffline,
            AvoidsLinks = environment.AvoidsLinks,
            Timeout = environment.Timeout ?? usual.Timeout,
            Warnings = environment.Warnings,
        };
    }
}
