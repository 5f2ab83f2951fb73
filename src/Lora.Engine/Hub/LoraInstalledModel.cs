namespace Lora;

/// <summary>A model in the cache that Hugging Face's tools share.</summary>
public sealed record LoraInstalledModel
{
    /// <summary>The model's name, <c>org/name</c>.</summary>
    public string Name { get; init; } = "";

    /// <summary>The branch, tag or commit that was asked for.</summary>
    public string Revision { get; init; } = "";

    /// <summary>The commit that it stood for.</summary>
    public string Commit { get; init; } = "";

    /// <summary>The folder with its files, which other commands take.</summary>
    public string Path { get; init; } = "";

    /// <summary>The files, as they are called in the model.</summary>
    public string[] File { get; init; } = [];

    /// <summary>Bytes of the files.</summary>
    public long Size { get; init; }

    /// <summary>Bytes that had to come from the hub.</summary>
    public long DownloadedSize { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({SizeText.Of(Size)}) in {Path}";
}
