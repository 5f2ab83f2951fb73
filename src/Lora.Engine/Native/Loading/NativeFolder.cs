namespace Lora.Native;

/// <summary>The one folder that the native libraries are taken from.</summary>
internal static class NativeFolder
{
    /// <summary>Names the folder in place of the engine's own.</summary>
    public const string Variable = "LORA_LIBTORCH";

    /// <summary>The library that TorchSharp calls.</summary>
    public const string Bridge = "LibTorchSharp";

    /// <summary>The library that computes; where it lies, libtorch lies.</summary>
    public const string Torch = "torch_cpu";

    /// <summary>
    /// A file beside the engine with the folder that the build laid libtorch out in, in one line: a program that was built with a reference to the
    /// engine's project has it, a published one and the module have the libraries themselves.
    /// </summary>
    private const string Pointer = "Lora.Engine.libtorch";

    /// <summary>Where the libraries may lie in this process, best first.</summary>
    public static IReadOnlyList<string> Candidates() =>
        [.. Candidates(Chosen, OfProgram(), EngineFolder()), .. Chosen is null ? UserRuntime.Candidates(UserRuntime.Root, NvidiaManagement.IsThere) : []];

    /// <summary>The folder that the user named in the environment; null for none.</summary>
    public static string? Chosen => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder ? folder : null;

    /// <summary>
    /// The folder that the user chose and no other if there is one; else what the program brings itself, for .NET would load that all the same; else
    /// the engine's folder, the module's <c>deps</c> below it, and the folder that the build wrote beside it. What the user has installed comes last.
    /// </summary>
    public static IReadOnlyList<string> Candidates(string? chosen, string? program, string engine)
    {
        if (!string.IsNullOrEmpty(chosen))
        {
            return WithRuntimes(Path.GetFullPath(chosen));
        }

        string pointer = Path.Combine(engine, Pointer);
        return
        [
            .. program is null ? [] : new[] { program },
            .. WithRuntimes(engine),
            .. WithRuntimes(Path.Combine(engine, "deps")),
            .. File.Exists(pointer) ? new[] { File.ReadAllText(pointer).Trim() } : [],
        ];
    }

    /// <summary>The first folder that holds libtorch; null when none does.</summary>
    public static string? Find(IEnumerable<string> candidates) => candidates.FirstOrDefault(folder => Holds(folder, Torch));

    /// <summary>The folder out of which .NET serves this program's natives if libtorch is among them, as the package TorchSharp-cpu brings it; else null.</summary>
    public static string? OfProgram() => OfProgram(AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string);

    /// <param name="searched">Folders, as the host states them.</param>
    internal static string? OfProgram(string? searched) =>
        Find((searched ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)) is { } folder ? Path.TrimEndingDirectorySeparator(folder) : null;

    /// <summary>Whether a folder has the file of a library.</summary>
    public static bool Holds(string folder, string library) => File.Exists(Path.Combine(folder, NativePlatform.FileName(library)));

    private static string[] WithRuntimes(string folder) => [folder, Path.Combine(folder, "runtimes", NativePlatform.Identifier, "native")];

    private static string EngineFolder() =>
        Path.GetDirectoryName(typeof(NativeFolder).Assembly.Location) is { Length: > 0 } folder ? folder : AppContext.BaseDirectory;
}
