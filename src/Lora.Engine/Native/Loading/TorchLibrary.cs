using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Lora.Native;

/// <summary>
/// Loads libtorch before TorchSharp is first called. Left to itself, TorchSharp answers a failure by printing to the console,
/// copying 500 MB out of the package cache and remembering the failure.
/// </summary>
/// <remarks>
/// It takes nothing but where it runs and gives a libtorch that is loaded from the folder meant, or a <see cref="LoraException"/> that names the
/// platform, the folder and the reason. Nothing of TorchSharp may be touched before: its own search would go first.
/// </remarks>
public static class TorchLibrary
{
    // In the order in which they depend on each other. TorchSharp asks for the CUDA helpers by name itself.
    private static readonly string[] Libraries = ["c10", NativeFolder.Torch, "c10_cuda", "torch_cuda", "torch"];
    private static readonly string[] OnlyWithCuda = ["c10_cuda", "torch_cuda"];

    private static readonly Lock Gate = new();
    private static AssemblyLoadContext? hookedContext;
    private static bool loaded;

    /// <summary>Whether this process has loaded the libraries.</summary>
    internal static bool IsLoaded
    {
        get
        {
            lock (Gate)
            {
                return loaded;
            }
        }
    }

    /// <summary>Loads the libraries once; later calls return at once. A failed call can be repeated, after LORA_LIBTORCH was set for example.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.RuntimeNotInstalled"/> where it is nowhere; <see cref="LoraError.NativeLibraryNotFound"/>, with the
    /// platform, the folder and the reason; <see cref="LoraError.VisualCppRuntimeMissing"/> on Windows.</exception>
    public static void Load()
    {
        lock (Gate)
        {
            if (!loaded)
            {
                using ThreadWaiting waiting = ThreadWaiting.Asleep();
                Load(LoadTorchSharp());
                NativeLibrary.SetDllImportResolver(typeof(TorchLibrary).Assembly, (name, _, _) => FindFile(name) is { } path ? NativeLibrary.Load(path) : 0);
                ThreadWaiting.Begin();
                loaded = true;
            }
        }
    }

    /// <summary>The full path of a native library in libtorch's folder; null when it is not there.</summary>
    /// <param name="name">The name as a P/Invoke states it, with or without the platform's prefix and suffix.</param>
    public static string? FindFile(string name) =>
        NativeFolder.Find(NativeFolder.Candidates()) is { } folder
            ? NativePlatform.FileNames(name).Select(file => Path.Combine(folder, file)).FirstOrDefault(File.Exists)
            : null;

    private static void Load(Assembly torchSharp)
    {
        IReadOnlyList<string> candidates = NativeFolder.Candidates();
        if (!NativePlatform.Supported.Contains(NativePlatform.Identifier))
        {
            throw Failure(candidates[0], $"there are libraries for {string.Join(", ", NativePlatform.Supported)} only.");
        }

        string folder = NativeFolder.Find(candidates) ?? throw NotThere(candidates);
        AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(torchSharp)!;

        // Two copies of libtorch in one process end it: each registers the same operators.
        if (context == AssemblyLoadContext.Default && NativeFolder.OfProgram() is { } program && program != folder)
        {
            throw Failure(folder, $"this program has another libtorch in '{program}', which TorchSharp would load as well. Take {NativeFolder.Variable} away, or the package that brings it.");
        }

        foreach (string library in Libraries)
        {
            string path = Path.Combine(folder, NativePlatform.FileName(library));
            if (!OnlyWithCuda.Contains(library) || File.Exists(path))
            {
                LoadFile(path);
            }
        }

        // A copy of the bridge that lies beside TorchSharp comes first, and does: it calls the libtorch that is loaded.
        Hook(context);
        if (!NativeLibrary.TryLoad(NativeFolder.Bridge, torchSharp, null, out _))
        {
            LoadFile(Path.Combine(folder, NativePlatform.FileName(NativeFolder.Bridge)));
        }
    }

    // Dependencies are found beside the file: by its run path on Linux and macOS, by the altered search path of a full name on Windows.
    private static void LoadFile(string path)
    {
        try
        {
            NativeLibrary.Load(path);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            string folder = Path.GetDirectoryName(path)!;
            throw VisualCppRuntime.Missing(exception.Message) is { Count: > 0 } missing
                ? LoraException.From(exception, LoraError.VisualCppRuntimeMissing, folder, NativePlatform.Identifier, folder, string.Join(", ", missing))
                : Failure(folder, $"{Path.GetFileName(path)}: {exception.Message}", exception);
        }
    }

    // TorchSharp asks its load context for libraries by name when .NET has not found them, and stays quiet if that succeeds.
    private static void Hook(AssemblyLoadContext context)
    {
        if (hookedContext != context)
        {
            context.ResolvingUnmanagedDll += (_, name) => name == NativeFolder.Bridge ? LoadBridge() : FindFile(name) is { } path ? NativeLibrary.Load(path) : 0;
            hookedContext = context;
        }
    }

    // Beside a program's own libtorch lies a bridge that older systems cannot load (tools/ElfMend); the one that the engine was built with works there.
    private static nint LoadBridge() => NativeFolder.Candidates()
        .Select(folder => NativeLibrary.TryLoad(Path.Combine(folder, NativePlatform.FileName(NativeFolder.Bridge)), out nint library) ? library : 0)
        .FirstOrDefault(library => library != 0);

    private static Assembly LoadTorchSharp()
    {
        try
        {
            return TorchSharpAssembly();
        }
        catch (Exception exception) when (exception is FileNotFoundException or FileLoadException or BadImageFormatException)
        {
            throw Failure(NativeFolder.Candidates()[0], exception.Message, exception);
        }
    }

    // A method of its own: the assembly is loaded when this is compiled, inside the caller's try.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Assembly TorchSharpAssembly() => typeof(TorchSharp.torch).Assembly;

    // Without a folder that the user chose it is a module, or a program, that came without them.
    private static LoraException NotThere(IReadOnlyList<string> candidates) => NativeFolder.Chosen is null
        ? LoraException.Of(LoraError.RuntimeNotInstalled, UserRuntime.Root, NativePlatform.Identifier, string.Join("', '", candidates.Where(Directory.Exists).Append(UserRuntime.Root).OfType<string>()))
        : Failure(string.Join("', '", candidates), $"{NativePlatform.FileName(NativeFolder.Torch)} and {NativePlatform.FileName(NativeFolder.Bridge)} are not there.");

    private static LoraException Failure(string folder, string reason, Exception? inner = null) => inner is null
        ? LoraException.Of(LoraError.NativeLibraryNotFound, folder, NativePlatform.Identifier, folder, reason)
        : LoraException.From(inner, LoraError.NativeLibraryNotFound, folder, NativePlatform.Identifier, folder, reason);
}
