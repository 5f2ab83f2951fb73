namespace Lora.Native;

/// <summary>
/// Where Install-LoraRuntime puts the native libraries: one folder a backend, <c>Lora/runtime/VERSION-BACKEND-PLATFORM</c> in the user's folder for
/// local application data (%LOCALAPPDATA%, $XDG_DATA_HOME or ~/.local/share, ~/Library/Application Support). A folder that is there is whole.
/// </summary>
internal static class UserRuntime
{
    /// <summary>The version of TorchSharp that the engine calls; its libraries fit no other.</summary>
    public const string Version = "0.107.0";

    /// <summary>The folder of all of them; null for a user who has none.</summary>
    public static string? Root =>
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify) is { Length: > 0 } data
            ? Path.Combine(data, "Lora", "runtime") : null;

    /// <summary>The folder of one.</summary>
    public static string Folder(string root, LoraBackend backend, string platform) =>
        Path.Combine(root, $"{Version}-{backend.ToString().ToLowerInvariant()}-{platform}");

    /// <summary>Those that are there, best first: CUDA's where NVIDIA's driver is, else the processor's.</summary>
    /// <param name="root">The folder of all of them; null for none.</param>
    /// <param name="hasDriver">Whether the driver is there; asked only where both are.</param>
    public static IReadOnlyList<string> Candidates(string? root, Func<bool> hasDriver)
    {
        if (root is null)
        {
            return [];
        }

        string[] there = [.. Enum.GetValues<LoraBackend>().Select(backend => Folder(root, backend, NativePlatform.Identifier)).Where(folder => NativeFolder.Holds(folder, NativeFolder.Torch))];
        return there.Length > 1 && hasDriver() ? [.. there.Reverse()] : there;
    }
}
