using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// Reads a GPU's memory and generation through NVIDIA's management library (NVML), which comes with the driver. All programs' memory counts, which torch's own
/// figures leave out. It numbers devices by their place on the bus and CUDA the fastest first, or as CUDA_DEVICE_ORDER and CUDA_VISIBLE_DEVICES say; so the
/// driver's CUDA library, which reads those, is asked for a device's place on the bus, and NVML for what is there.
/// </summary>
internal static unsafe class NvidiaManagement
{
    private const int Success = 0;
    private const int MostLetters = 32; // of a place, such as 0000:0b:00.0

    /// <summary>The libraries. On Windows by their full paths: a plain name would be looked for in the working directory too, where anybody may have put one.</summary>
    /// <param name="systemFolder">Windows' own folder; empty on other systems, whose loader never looks in the working directory.</param>
    internal static (string Management, string Cuda) Libraries(string systemFolder) => systemFolder.Length > 0
        ? (Path.Combine(systemFolder, "nvml.dll"), Path.Combine(systemFolder, "nvcuda.dll"))
        : ("libnvidia-ml.so.1", "libcuda.so.1");

    /// <summary>Whether NVIDIA's driver is on this machine.</summary>
    public static bool IsThere() => NativeLibrary.TryLoad(Libraries(Environment.SystemDirectory).Management, out _);

    /// <summary>Used and free bytes of a device; null where the library or the device is not there.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    public static (long Used, long Free)? Memory(int index) => Memory(index, Exports());

    /// <summary>NVIDIA's number of a device's generation, such as 8.6; null where the library or the device is not there.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    public static (int Major, int Minor)? ComputeCapability(int index) => ComputeCapability(index, Exports());

    /// <summary>Reads the memory by the libraries' functions, which are asked for by name; null without the libraries.</summary>
    internal static (long Used, long Free)? Memory(int index, Func<string, nint>? export) => Read(index, export, ReadMemory);

    /// <summary>Reads the generation in the same way.</summary>
    internal static (int Major, int Minor)? ComputeCapability(int index, Func<string, nint>? export) => Read(index, export, ReadCapability);

    private static Func<string, nint>? Exports()
    {
        (string management, string cuda) = Libraries(Environment.SystemDirectory);
        return NativeLibrary.TryLoad(management, out nint managing) && NativeLibrary.TryLoad(cuda, out nint computing)
            ? name => NativeLibrary.GetExport(name.StartsWith("cu", StringComparison.Ordinal) ? computing : managing, name)
            : null;
    }

    private static (long Used, long Free)? ReadMemory(Func<string, nint> export, nint device)
    {
        delegate* unmanaged<nint, MemoryInfo*, int> read = (delegate* unmanaged<nint, MemoryInfo*, int>)export("nvmlDeviceGetMemoryInfo");
        MemoryInfo memory = default;
        return read(device, &memory) == Success ? ((long)memory.Used, (long)memory.Free) : null;
    }

    private static (int Major, int Minor)? ReadCapability(Func<string, nint> export, nint device)
    {
        delegate* unmanaged<nint, int*, int*, int> read = (delegate* unmanaged<nint, int*, int*, int>)export("nvmlDeviceGetCudaComputeCapability");
        int major;
        int minor;
        return read(device, &major, &minor) == Success ? (major, minor) : null;
    }

    /// <summary>Reads something of a device while the library is open; null where a library or the device is not there.</summary>
    private static T? Read<T>(int index, Func<string, nint>? export, Func<Func<string, nint>, nint, T?> read)
        where T : struct
    {
        byte* place = stackalloc byte[MostLetters];
        if (export is null || !FindPlace(index, export, place))
        {
            return null;
        }

        delegate* unmanaged<int> init = (delegate* unmanaged<int>)export("nvmlInit_v2");
        delegate* unmanaged<int> shutdown = (delegate* unmanaged<int>)export("nvmlShutdown");
        delegate* unmanaged<byte*, nint*, int> find = (delegate* unmanaged<byte*, nint*, int>)export("nvmlDeviceGetHandleByPciBusId_v2");
        if (init() != Success)
        {
            return null;
        }

        nint device;
        T? found = find(place, &device) == Success ? read(export, device) : null;
        _ = shutdown();
        return found;
    }

    /// <summary>Writes the place on the bus of the device that CUDA gives a number, as text; torch's numbers are CUDA's.</summary>
    private static bool FindPlace(int index, Func<string, nint> export, byte* place)
    {
        delegate* unmanaged<uint, int> init = (delegate* unmanaged<uint, int>)export("cuInit");
        delegate* unmanaged<int*, int, int> find = (delegate* unmanaged<int*, int, int>)export("cuDeviceGet");
        delegate* unmanaged<byte*, int, int, int> read = (delegate* unmanaged<byte*, int, int, int>)export("cuDeviceGetPCIBusId");
        int device;
        return init(0) == Success && find(&device, index) == Success && read(place, MostLetters, device) == Success;
    }

    /// <summary>nvmlMemory_t of nvml.h, in bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MemoryInfo
    {
        public readonly ulong Total;
        public readonly ulong Free;
        public readonly ulong Used;
    }
}
