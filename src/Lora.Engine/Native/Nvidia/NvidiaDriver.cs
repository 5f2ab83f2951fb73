namespace Lora.Native;

/// <summary>
/// Asks the CUDA library of NVIDIA's driver, which is there wherever torch computes on a GPU, on boards without the management library (NVML) too. Devices have CUDA's
/// numbers, which are torch's.
/// </summary>
internal static unsafe class NvidiaDriver
{
    private const int Success = 0;

    // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h.
    private const int Major = 75;
    private const int Minor = 76;

    /// <summary>NVIDIA's number of a device's generation, such as 8.6; null where the device is not there.</summary>
    /// <param name="index">The device.</param>
    /// <param name="export">The library's functions by their names, zero for those that are not there; null without the library.</param>
    public static (int Major, int Minor)? ComputeCapability(int index, Func<string, nint>? export)
    {
        int device;
        int major;
        int minor;
        delegate* unmanaged<int*, int, int, int> read = (delegate* unmanaged<int*, int, int, int>)(export?.Invoke("cuDeviceGetAttribute") ?? 0);
        return read != null && Find(index, export, &device) && read(&major, Major, device) == Success && read(&minor, Minor, device) == Success ? (major, minor) : null;
    }

    /// <summary>Used and free bytes, all programs'; null where the device is not there, or where nothing of this process is on it: to look would take memory of it.</summary>
    /// <inheritdoc cref="ComputeCapability"/>
    public static (long Used, long Free)? Memory(int index, Func<string, nint>? export)
    {
        delegate* unmanaged<int, uint*, int*, int> state = (delegate* unmanaged<int, uint*, int*, int>)(export?.Invoke("cuDevicePrimaryCtxGetState") ?? 0);
        delegate* unmanaged<nint*, int, int> retain = (delegate* unmanaged<nint*, int, int>)(export?.Invoke("cuDevicePrimaryCtxRetain") ?? 0);
        delegate* unmanaged<int, int> release = (delegate* unmanaged<int, int>)(export?.Invoke("cuDevicePrimaryCtxRelease_v2") ?? 0);
        delegate* unmanaged<nint, int> push = (delegate* unmanaged<nint, int>)(export?.Invoke("cuCtxPushCurrent_v2") ?? 0);
        delegate* unmanaged<nint*, int> pop = (delegate* unmanaged<nint*, int>)(export?.Invoke("cuCtxPopCurrent_v2") ?? 0);
        delegate* unmanaged<nuint*, nuint*, int> read = (delegate* unmanaged<nuint*, nuint*, int>)(export?.Invoke("cuMemGetInfo_v2") ?? 0);
        int device;
        uint flags;
        int isActive;
        nint context;
        if (state == null || retain == null || release == null || push == null || pop == null || read == null
            || !Find(index, export, &device) || state(device, &flags, &isActive) != Success || isActive == 0 || retain(&context, device) != Success)
        {
            return null;
        }

        // The context is torch's own; it is this thread's for the question alone.
        (long Used, long Free)? memory = null;
        if (push(context) == Success)
        {
            nuint free;
            nuint total;
            memory = read(&free, &total) == Success ? ((long)(total - free), (long)free) : null;
            nint popped;
            _ = pop(&popped);
        }

        _ = release(device);
        return memory;
    }

    /// <summary>Finds the driver's own number of a device.</summary>
    /// <param name="index">CUDA's number.</param>
    /// <param name="export">The library's functions.</param>
    /// <param name="device">Written.</param>
    public static bool Find(int index, Func<string, nint>? export, int* device)
    {
        delegate* unmanaged<uint, int> init = (delegate* unmanaged<uint, int>)(export?.Invoke("cuInit") ?? 0);
        delegate* unmanaged<int*, int, int> find = (delegate* unmanaged<int*, int, int>)(export?.Invoke("cuDeviceGet") ?? 0);
        return init != null && find != null && init(0) == Success && find(device, index) == Success;
    }
}
