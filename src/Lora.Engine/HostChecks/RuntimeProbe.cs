using System.Runtime.CompilerServices;
using Lora.Native;
using TorchSharp;

namespace Lora.HostChecks;

/// <summary>Loads libtorch and asks it what it sees, in a process that may end by it.</summary>
public static class RuntimeProbe
{
    /// <summary>The exit code of a process in which it was refused by name.</summary>
    public const int Refused = 3;

    /// <summary>What libtorch says of the devices that it can compute on.</summary>
    /// <exception cref="LoraException">RuntimeNotInstalled, NativeLibraryNotFound or VisualCppRuntimeMissing.</exception>
    public static string Run()
    {
        TorchLibrary.Load();
        return Devices();
    }

    // A method of its own: nothing of TorchSharp may be touched before the libraries are loaded.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string Devices() => torch.cuda.is_available() ? $"the processor and CUDA devices: {torch.cuda.device_count()}" : "the processor alone";
}
