namespace Lora.Native;

/// <summary>The one folder that the native libraries are taken from.</summary>
internal static class NativeFolder
{
    /// <summary>Names the folder in place of the engine's own.</summary>
    public const string Variable = "LORA_LIBTORCH";

    /// <summary>The library that TorchSharp calls; where it lies, libtorch lies.</summary>
    public const string Bridge = "LibTorchSharp";

    /// <summary>Where the libraries may lie in this process, best first.</summary>
    public static IReadOnlyList<string> Candidates()
    {
        string? engine = Path.GetDirectoryName(typeof(NativeFolder).Assembly.Location);
        return Candidates(Environment.GetEnvironmentVariable(Variable), string.IsNullOrEmpty(engine) ? AppContext.BaseDirectory : engine);
    }

    /// <summary>The folder that the user chose and no other if there is one, else the engine's folder and the module's <c>deps</c> below it.</summary>
    public static IReadOnlyList<string> Candidates(string? chosen, string engine)
    {
        string[] roots = string.IsNullOrEmpty(chosen) ? [engine, Path.Combine(engine, "deps")] : [Path.GetFullPath(chosen)];
        return [.. roots.SelectMany(root => new[] { root, Path.Combine(root, "runtimes", NativePlatform.Identifier, "native") })];
    }

    /// <summary>The first folder that holds the bridge; null when none does.</summary>
    public static string? Find(IEnumerable<string> candidates) =>
        candidates.FirstOrDefault(folder => File.Exists(Path.Combine(folder, NativePlatform.FileName(Bridge))));
}
