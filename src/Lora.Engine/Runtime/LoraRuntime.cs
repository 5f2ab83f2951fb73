namespace Lora;

/// <summary>The native libraries of libtorch that were installed for a user.</summary>
public sealed record LoraRuntime
{
    /// <summary>What computes.</summary>
    public required LoraBackend Backend { get; init; }

    /// <summary>The platform, as NuGet names it.</summary>
    public required string Platform { get; init; }

    /// <summary>The version of TorchSharp that they belong to.</summary>
    public required string Version { get; init; }

    /// <summary>Their folder.</summary>
    public required string Path { get; init; }

    /// <summary>Bytes of all files.</summary>
    public required long Size { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Path;
}
