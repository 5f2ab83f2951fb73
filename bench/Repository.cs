using System.Reflection;

namespace Lora.Bench;

/// <summary>The places that benchmarks read from.</summary>
internal static class Repository
{
    /// <summary>A path below the repository's root.</summary>
    public static string Path(params string[] parts) => System.IO.Path.Combine([Metadata("RepositoryRoot"), .. parts]);

    /// <summary>PowerShell, as the file to hand to <c>dotnet</c>.</summary>
    public static string PowerShell { get; } = Metadata("PowerShell");

    private static string Metadata(string key) => typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;
}
