using System.Reflection;

namespace Lora.Commands.Tests;

/// <summary>The places that tests read from.</summary>
internal static class Repository
{
    public static string Root { get; } = Metadata("RepositoryRoot");

    /// <summary>PowerShell, as the file to hand to <c>dotnet</c>.</summary>
    public static string PowerShell { get; } = Metadata("PowerShell");

    /// <summary>The manifest that users import.</summary>
    public static string Manifest { get; } = Path.Combine(Root, "Lora.psd1");

    /// <summary>A file of the laid-out module.</summary>
    public static string Bin(params string[] parts) => Path.Combine([Root, "bin", .. parts]);

    private static string Metadata(string key) => typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;
}
