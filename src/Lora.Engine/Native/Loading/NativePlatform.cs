using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>The platform as NuGet names it, and how it spells the file of a library.</summary>
internal static class NativePlatform
{
    /// <summary>The runtime identifier of this process, for example <c>linux-x64</c>.</summary>
    public static string Identifier { get; } =
        $"{System}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>The platforms that TorchSharp has native libraries for.</summary>
    public static IReadOnlyList<string> Supported { get; } = ["linux-x64", "osx-arm64", "win-x64"];

    private static string System => OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";

    private static string Suffix => OperatingSystem.IsWindows() ? ".dll" : OperatingSystem.IsMacOS() ? ".dylib" : ".so";

    private static string Prefix => OperatingSystem.IsWindows() ? "" : "lib";

    /// <summary>The file name of a library, for example <c>libtorch_cpu.so</c>.</summary>
    public static string FileName(string library) => Prefix + library + Suffix;

    /// <summary>The same on another platform.</summary>
    /// <param name="library">The library.</param>
    /// <param name="platform">The platform, as NuGet names it.</param>
    public static string FileName(string library, string platform) => platform.Split('-')[0] switch
    {
        "win" => library + ".dll",
        "osx" => $"lib{library}.dylib",
        _ => $"lib{library}.so",
    };

    /// <summary>The file names that a library may have when a caller has already written the prefix or the suffix.</summary>
    public static IEnumerable<string> FileNames(string library) =>
        [FileName(library), library + Suffix, Prefix + library, library];
}
