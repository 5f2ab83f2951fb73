using Lora.Checkpoints;
using Lora.Native;

namespace Lora.Runtime;

/// <summary>Which runtime is installed, and from where.</summary>
public sealed record RuntimeOptions
{
    /// <summary>What it computes on.</summary>
    public LoraBackend Backend { get; init; }

    /// <summary>A folder of packages, the address of a feed, or the name of a source in the user's NuGet.Config; null for nuget.org.</summary>
    public string? Source { get; init; }

    /// <summary>What the source is called in messages: of an address what may be a password or a key is left out; null for nuget.org.</summary>
    public string? SourceName => Source is null ? null : NameOf(Source);

    /// <summary>Whether one that is there is installed again.</summary>
    public bool Overwrite { get; init; }

    /// <summary>The folder of all runtimes.</summary>
    internal string? Root { get; init; } = UserRuntime.Root;

    /// <summary>Whose libraries; this machine's.</summary>
    internal string Platform { get; init; } = NativePlatform.Identifier;

    /// <summary>The packages; null for those that the module was built with.</summary>
    internal IReadOnlyList<RuntimePackage>? Packages { get; init; }

    /// <summary>Bytes that are free where a folder lies; null where this is not known.</summary>
    internal Func<string, long?> Room { get; init; } = DiskRoom.Free;

    /// <summary>Whether this system has the symbols of the C++ library that the bridge of Linux asks for.</summary>
    internal Func<bool> HasLibstdcxx { get; init; } = () => SystemLibstdcxx.Provides(LibstdcxxMend.NewVersion);

    /// <inheritdoc cref="SourceName"/>
    internal static string NameOf(string source) => Uri.TryCreate(source, UriKind.Absolute, out Uri? address) && !address.IsFile
        ? address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped).Split("%3F")[0] // not all schemes have a query
        : source;
}
