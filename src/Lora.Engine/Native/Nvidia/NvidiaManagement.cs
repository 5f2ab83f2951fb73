using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// Reads a GPU's memory through NVIDIA's management library (NVML), which comes with the driver of most. All programs' memory counts, which torch's own
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

    /// <summary>
    /// Used and free bytes of a device, all programs'. Without the management library, as on boards that have none, the driver is asked; null where neither says.
    /// </summary>
    /// <param name="index">The device as CUDA counts it.</param>
    public static (long Used, long Free)? Memory(int index) => Memory(index, Exports());

    /// <summary>NVIDIA's number of a device's generation, such as 8.6; null where the driver or the device is not there.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    public static (int Major, int Minor)? ComputeCapability(int index) => NvidiaDriver.ComputeCapability(index, Exports());

    /// <summary>Reads the memory by the libraries' functions, which are asked for by name and are zero where they are not there; null without the driver.</summary>
    internal static (long Used, long Free)? Memory(int index, Func<string, nint>? export) => Managed(index, export) ?? NvidiaDriver.Memory(index, export);

    private static Func<string, nint>? Exports()
    {
        (string management, string cuda) = Libraries(Environment.SystemDirectory);
        if (!NativeLibrary.TryLoad(cuda, out nint computing))
        {
            return null;
        }

        bool isManaged = NativeLibrary.TryLoad(management, out nint managing);
        return name => name.StartsWith("cu", StringComparison.Ordinal) ? Export(computing, name) : isManaged ? Export(managing, name) : 0;

        static nint Export(nint library, string name) => NativeLibrary.TryGetExport(library, name, out nint export) ? export : 0;
    }

    /// <summary>Reads the memory while the management library is open.</summary>
    private static (long Used, long Free)? Managed(int index, Func<string, nint>? export)
    {
        byte* place = stackalloc byte[MostLetters];
        delegate* unmanaged<int> init = (delegate* unmanaged<int>)(export?.Invoke("nvmlInit_v2") ?? 0);
        delegate* unmanaged<int> shutdown = (delegate* unmanaged<int>)(export?.Invoke("nvmlShutdown") ?? 0);
        delegate* unmanaged<byte*, nint*, int> find = (delegate* unmanaged<byte*, nint*, int>)(export?.Invoke("nvmlDeviceGetHandleByPciBusId_v2") ?? 0);
        delegate* unmanaged<nint, MemoryInfo*, int> read = (delegate* unmanaged<nint, MemoryInfo*, int>)(export?.Invoke("nvmlDeviceGetMemoryInfo") ?? 0);
        if (init == null || shutdown == null || find == null || read == null || !FindPlace(index, export, place) || init() != Success)
        {
            return null;
        }

        nint device;
        MemoryInfo memory = default;
        bool isRead = find(place, &device) == Success && read(device, &memory) == Success;
        _ = shutdown();
        return isRead ? ((long)memory.Used, (long)memory.Free) : null;
    }

    /// <summary>Writes the place on the bus of the device that CUDA gives a number, as text; torch's numbers are CUDA's.</summary>
    private static bool FindPlace(int index, Func<string, nint>? export, byte* place)
    {
        delegate* unmanaged<byte*, int, int, int> read = (delegate* unmanaged<byte*, int, int, int>)(export?.Invoke("cuDeviceGetPCIBusId") ?? 0);
        int device;
        return read != null && NvidiaDriver.Find(index, export, &device) && read(place, MostLetters, device) == Success;
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
