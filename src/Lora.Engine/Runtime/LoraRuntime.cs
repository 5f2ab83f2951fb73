namespace Lora;

/// <summary>The native libraries of libtorch that were installed for a user.</summary>
public sealed record LoraRuntime
{
    /// <summary>What computes.</summary>
    public LoraBackend Backend { get; internal init; }

    /// <summary>The platform, as NuGet names it.</summary>
    public string Platform { get; internal init; } = "";

    /// <summary>The version of TorchSharp that they belong to.</summary>
    public string Version { get; internal init; } = "";

    /// <summary>Their folder.</summary>
    public string Path { get; internal init; } = "";

    /// <summary>Bytes of all files.</summary>
    public long Size { get; internal init; }

    /// <inheritdoc/>
    public override string ToString() => Path;
}
