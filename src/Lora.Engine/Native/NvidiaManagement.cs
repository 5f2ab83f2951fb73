using System.Globalization;
using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// Reads a GPU's memory and generation through NVIDIA's management library (NVML), which comes with the driver. All programs' memory counts, which torch's own
/// figures leave out. It numbers devices by their place on the bus, as CUDA does with CUDA_DEVICE_ORDER=PCI_BUS_ID.
/// </summary>
internal static unsafe class NvidiaManagement
{
    private const string VisibleDevices = "CUDA_VISIBLE_DEVICES";
    private const int Success = 0;

    /// <summary>The library. On Windows by its full path: a plain name would be looked for in the working directory too, where anybody may have put one.</summary>
    /// <param name="systemFolder">Windows' own folder; empty on other systems, whose loader never looks in the working directory.</param>
    internal static string Library(string systemFolder) => systemFolder.Length > 0 ? Path.Combine(systemFolder, "nvml.dll") : "libnvidia-ml.so.1";

    /// <summary>Whether NVIDIA's driver is on this machine.</summary>
    public static bool IsThere() => NativeLibrary.TryLoad(Library(Environment.SystemDirectory), out _);

    /// <summary>Used and free bytes of a device; null where the library or the device is not there.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    public static (long Used, long Free)? Memory(int index) => Memory(index, Exports());

    /// <summary>NVIDIA's number of a device's generation, such as 8.6; null where the library or the device is not there.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    public static (int Major, int Minor)? ComputeCapability(int index) => ComputeCapability(index, Exports());

    /// <summary>Reads the memory by the library's functions, which are asked for by name; null without the library.</summary>
    internal static (long Used, long Free)? Memory(int index, Func<string, nint>? export) => Read(index, export, ReadMemory);

    /// <summary>Reads the generation in the same way.</summary>
    internal static (int Major, int Minor)? ComputeCapability(int index, Func<string, nint>? export) => Read(index, export, ReadCapability);

    /// <summary>The device behind a number that CUDA_VISIBLE_DEVICES has changed; names in that list are not followed.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    /// <param name="visibleDevices">The variable's value; null when it is not set.</param>
    public static int PhysicalIndex(int index, string? visibleDevices)
    {
        string[] visible = (visibleDevices ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return index < visible.Length && int.TryParse(visible[index], NumberStyles.None, CultureInfo.InvariantCulture, out int physical) ? physical : index;
    }

    private static int PhysicalIndex(int index) => PhysicalIndex(index, Environment.GetEnvironmentVariable(VisibleDevices));

    private static Func<string, nint>? Exports() => NativeLibrary.TryLoad(Library(Environment.SystemDirectory), out nint library) ? name => NativeLibrary.GetExport(library, name) : null;

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

    /// <summary>Reads something of a device while the library is open; null where the library or the device is not there.</summary>
    private static T? Read<T>(int index, Func<string, nint>? export, Func<Func<string, nint>, nint, T?> read)
        where T : struct
    {
        if (export is null)
        {
            return null;
        }

        delegate* unmanaged<int> init = (delegate* unmanaged<int>)export("nvmlInit_v2");
        delegate* unmanaged<int> shutdown = (delegate* unmanaged<int>)export("nvmlShutdown");
        delegate* unmanaged<uint, nint*, int> find = (delegate* unmanaged<uint, nint*, int>)export("nvmlDeviceGetHandleByIndex_v2");
        if (init() != Success)
        {
            return null;
        }

        nint device;
        T? found = find((uint)PhysicalIndex(index), &device) == Success ? read(export, device) : null;
        _ = shutdown();
        return found;
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
