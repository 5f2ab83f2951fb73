namespace Lora;

/// <summary>An adapter that was published.</summary>
public sealed record LoraPublishedAdapter
{
    /// <summary>The repository's name, <c>org/name</c>.</summary>
    public string Name { get; init; } = "";

    /// <summary>The adapter's page.</summary>
    public Uri? Url { get; init; }

    /// <summary>The commit that has the files.</summary>
    public string Commit { get; init; } = "";

    /// <summary>Whether only its owner sees it.</summary>
    public bool IsPrivate { get; init; }

    /// <summary>The files.</summary>
    public string[] File { get; init; } = [];

    /// <summary>Bytes of the files.</summary>
    public long Size { get; init; }

    /// <summary>Bytes that had to be sent.</summary>
    public long UploadedSize { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Url} ({SizeText.Of(Size)})";
}
