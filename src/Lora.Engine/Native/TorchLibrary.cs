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
    private static readonly string[] Libraries = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch", NativeFolder.Bridge];
    private static readonly string[] OnlyWithCuda = ["c10_cuda", "torch_cuda"];

    private static readonly Lock Gate = new();
    private static AssemblyLoadContext? hookedContext;
    private static bool loaded;

    /// <summary>Loads the libraries once; later calls return at once. A failed call can be repeated, after LORA_LIBTORCH was set for example.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.NativeLibraryNotFound"/>, with the platform, the folder and the reason.</exception>
    public static void Load()
    {
        lock (Gate)
        {
            if (!loaded)
            {
                Load(LoadTorchSharp());
                NativeLibrary.SetDllImportResolver(typeof(TorchLibrary).Assembly, (name, _, _) => FindFile(name) is { } path ? NativeLibrary.Load(path) : 0);
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

        string folder = NativeFolder.Find(candidates)
            ?? throw Failure(string.Join("', '", candidates), $"the file {NativePlatform.FileName(NativeFolder.Bridge)} is not there.");
        nint bridge = 0;
        foreach (string library in Libraries)
        {
            string path = Path.Combine(folder, NativePlatform.FileName(library));
            if (!OnlyWithCuda.Contains(library) || File.Exists(path))
            {
                bridge = LoadFile(path);
            }
        }

        Hook(AssemblyLoadContext.GetLoadContext(torchSharp)!);
        if (!NativeLibrary.TryLoad(NativeFolder.Bridge, torchSharp, null, out nint found) || found != bridge)
        {
            throw Failure(folder, $"TorchSharp takes another copy of {NativePlatform.FileName(NativeFolder.Bridge)}, one that lies beside it.");
        }
    }

    // Dependencies are found beside the file: by its run path on Linux and macOS, by the altered search path of a full name on Windows.
    private static nint LoadFile(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            throw Failure(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}: {exception.Message}", exception);
        }
    }

    // TorchSharp asks its load context for the library by name, and stays quiet if that succeeds.
    private static void Hook(AssemblyLoadContext context)
    {
        if (hookedContext != context)
        {
            context.ResolvingUnmanagedDll += (_, name) => FindFile(name) is { } path ? NativeLibrary.Load(path) : 0;
            hookedContext = context;
        }
    }

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

    private static LoraException Failure(string folder, string reason, Exception? inner = null) => inner is null
        ? LoraException.Of(LoraError.NativeLibraryNotFound, folder, NativePlatform.Identifier, folder, reason)
        : LoraException.From(inner, LoraError.NativeLibraryNotFound, folder, NativePlatform.Identifier, folder, reason);
}
