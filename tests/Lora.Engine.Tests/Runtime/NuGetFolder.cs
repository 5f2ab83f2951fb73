namespace Lora.Tests.Runtime;

/// <summary>The folder in which NuGet keeps the packages that this build uses.</summary>
internal static class NuGetFolder
{
    public static string Path { get; } = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}
