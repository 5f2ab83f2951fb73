using System.Runtime.InteropServices;
using System.Text;
namespace Lora.Native;

/// <summary>A card, as NVIDIA's driver describes it; what it does not say is null.</summary>
internal sealed record NvidiaCard(int Index, string Name, (int Major, int Minor)? Capability, long? Total, long? Free, IReadOnlyList<string> Processes);

/// <summary>The driver and all of its cards, through NVIDIA's management library (NVML): by their places on the bus, whatever CUDA_VISIBLE_DEVICES leaves of them.</summary>
internal sealed unsafe record NvidiaInventory(string Driver, IReadOnlyList<NvidiaCard> Cards)
{
    private const int Success = 0;
    private const int TextBytes = 96; // NVML_DEVICE_NAME_V2_BUFFER_SIZE, and more than a version takes
    private const int MostProcesses = 256;
    private const ulong NotAvailable = ulong.MaxValue; // under Windows' own driver model the system alone knows

    /// <summary>Asks the driver; null where there is none, or where it does not answer.</summary>
    public static NvidiaInventory? Read() =>
        NativeLibrary.TryLoad(NvidiaManagement.Libraries(Environment.SystemDirectory).Management, out nint library) ? Read(name => NativeLibrary.TryGetExport(library, name, out nint export) ? export : 0) : null;

    /// <summary>Asks by the library's functions, which are asked for by name and are zero where an older driver lacks them.</summary>
    internal static NvidiaInventory? Read(Func<string, nint> export)
    {
        delegate* unmanaged<int> init = (delegate* unmanaged<int>)export("nvmlInit_v2");
        delegate* unmanaged<int> shutdown = (delegate* unmanaged<int>)export("nvmlShutdown");
        delegate* unmanaged<byte*, uint, int> version = (delegate* unmanaged<byte*, uint, int>)export("nvmlSystemGetDriverVersion");
        delegate* unmanaged<uint*, int> count = (delegate* unmanaged<uint*, int>)export("nvmlDeviceGetCount_v2");
        if (init == null || shutdown == null || init() != Success)
        {
            return null;
        }

        try
        {
            byte* text = stackalloc byte[TextBytes];
            string driver = version != null && version(text, TextBytes) == Success ? Text(text) : "unknown";
            uint cards = 0;
            return new(driver, count != null && count(&cards) == Success ? [.. Enumerable.Range(0, (int)cards).Select(index => Card(index, export))] : []);
        }
        finally
        {
            _ = shutdown();
        }
    }

    private static NvidiaCard Card(int index, Func<string, nint> export)
    {
        delegate* unmanaged<uint, nint*, int> find = (delegate* unmanaged<uint, nint*, int>)export("nvmlDeviceGetHandleByIndex_v2");
        delegate* unmanaged<nint, byte*, uint, int> name = (delegate* unmanaged<nint, byte*, uint, int>)export("nvmlDeviceGetName");
        delegate* unmanaged<nint, int*, int*, int> capability = (delegate* unmanaged<nint, int*, int*, int>)export("nvmlDeviceGetCudaComputeCapability");
        delegate* unmanaged<nint, ulong*, int> memory = (delegate* unmanaged<nint, ulong*, int>)export("nvmlDeviceGetMemoryInfo");
        nint device;
        if (find == null || find((uint)index, &device) != Success)
        {
            return new(index, "unknown", null, null, null, []);
        }

        byte* text = stackalloc byte[TextBytes];
        int major = 0;
        int minor = 0;
        ulong* totalFreeUsed = stackalloc ulong[3]; // nvmlMemory_t
        bool hasMemory = memory != null && memory(device, totalFreeUsed) == Success;
        return new(
            index,
            name != null && name(device, text, TextBytes) == Success ? Text(text) : "unknown",
            capability != null && capability(device, &major, &minor) == Success ? (major, minor) : null,
            hasMemory ? (long)totalFreeUsed[0] : null,
            hasMemory ? (long)totalFreeUsed[1] : null,
            [.. Processes(device, export("nvmlDeviceGetComputeRunningProcesses_v3"))]);
    }

    // Programs that compute; what only draws is the desktop's.
    private static List<string> Processes(nint device, nint export)
    {
        delegate* unmanaged<nint, uint*, ProcessInfo*, int> read = (delegate* unmanaged<nint, uint*, ProcessInfo*, int>)export;
        ProcessInfo* found = stackalloc ProcessInfo[MostProcesses];
        uint count = MostProcesses;
        List<string> others = [];
        if (read != null && read(device, &count, found) == Success)
        {
            for (int index = 0; index < Math.Min(count, MostProcesses); index++)
            {
                if (found[index].Id != Environment.ProcessId)
                {
                    others.Add(found[index].Used == NotAvailable ? $"process {found[index].Id}" : $"process {found[index].Id} with {SizeText.Of((long)found[index].Used)}");
                }
            }
        }

        return others;
    }

    private static string Text(byte* text) => Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    /// <summary>nvmlProcessInfo_t of nvml.h since its third version.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct ProcessInfo
    {
        public readonly uint Id;
        public readonly ulong Used;
        public readonly uint GpuInstance;
        public readonly uint ComputeInstance;
    }
}
