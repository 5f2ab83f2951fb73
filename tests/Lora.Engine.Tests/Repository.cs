using System.Reflection;

namespace Lora.Tests;

/// <summary>The places that tests read from.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>Reference results that are committed with the tests.</summary>
    public static string Fixture(params string[] parts) => Path.Combine([Root, "tests", "fixtures", .. parts]);

    /// <summary>A reference result that lies beside the repository; the test is skipped, by name, where it is absent.</summary>
    public static string Shared(params string[] parts)
    {
        string path = Path.GetFullPath(Path.Combine([Root, "..", "shared", .. parts]));
        Assert.SkipUnless(Path.Exists(path), $"'{Path.Combine(["../shared", .. parts])}' is not there.");
        return path;
    }
}
