using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>The runtime that libtorch's Windows libraries are linked against. It is not part of Windows, and the loader does not say that it is what lacks.</summary>
internal static class VisualCppRuntime
{
    private const string ModuleNotFound = "0x8007007E"; // of Windows' ERROR_MOD_NOT_FOUND, also where a library that the file needs is not there
    private static readonly string[] Libraries = ["msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll"];

    /// <summary>Which of its libraries this machine lacks; none on other systems than Windows.</summary>
    public static IReadOnlyList<string> Missing() => Missing(ModuleNotFound);

    /// <summary>Which of its libraries this machine lacks, where that may be why a library was not loaded; else none.</summary>
    /// <param name="failure">What the loader said.</param>
    public static IReadOnlyList<string> Missing(string failure) =>
        OperatingSystem.IsWindows() ? Missing(failure, library => NativeLibrary.TryLoad(library, out _)) : [];

    internal static IReadOnlyList<string> Missing(string failure, Func<string, bool> isThere) =>
        failure.Contains(ModuleNotFound, StringComparison.OrdinalIgnoreCase) ? [.. Libraries.Where(library => !isThere(library))] : [];
}
