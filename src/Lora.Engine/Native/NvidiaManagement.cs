using System.Globalization;
using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// Reads a GPU's memory through NVIDIA's management library (NVML), which comes with the driver. All programs' memory counts, which torch's own
/// figures leave out. It numbers devices by their place on the bus, as CUDA does with CUDA_DEVICE_ORDER=PCI_BUS_ID.
/// </summary>
internal static unsafe class NvidiaManagement
{
    private const string VisibleDevices = "CUDA_VISIBLE_DEVICES";
    private const int Success = 0;

    private static string Library => OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1";

    /// <summary>Used and free bytes of a device; null where the library or the device is not there.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    public static (long Used, long Free)? Memory(int index) => NativeLibrary.TryLoad(Library, out nint library) ? Memory(library, PhysicalIndex(index)) : null;

    /// <summary>The device behind a number that CUDA_VISIBLE_DEVICES has changed; names in that list are not followed.</summary>
    /// <param name="index">The device as CUDA counts it.</param>
    /// <param name="visibleDevices">The variable's value; null when it is not set.</param>
    public static int PhysicalIndex(int index, string? visibleDevices)
    {
        string[] visible = (visibleDevices ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return index < visible.Length && int.TryParse(visible[index], NumberStyles.None, CultureInfo.InvariantCulture, out int physical) ? physical : index;
    }

    private static int PhysicalIndex(int index) => PhysicalIndex(index, Environment.GetEnvironmentVariable(VisibleDevices));

    private static (long Used, long Free)? Memory(nint library, int index)
    {
        delegate* unmanaged<int> init = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
        delegate* unmanaged<int> shutdown = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlShutdown");
        delegate* unmanaged<uint, nint*, int> find = (delegate* unmanaged<uint, nint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByIndex_v2");
        delegate* unmanaged<nint, MemoryInfo*, int> read = (delegate* unmanaged<nint, MemoryInfo*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetMemoryInfo");
        if (init() != Success)
        {
            return null;
        }

        nint device;
        MemoryInfo memory = default;
        bool isRead = find((uint)index, &device) == Success && read(device, &memory) == Success;
        _ = shutdown();
        return isRead ? ((long)memory.Used, (long)memory.Free) : null;
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
