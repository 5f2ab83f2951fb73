using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lora.Tests.Native;

/// <summary>Functions with the signatures of nvml.h, for a machine with two devices of which the second one answers.</summary>
internal static unsafe class FakeNvidiaLibrary
{
    private const int Success = 0;
    private const int NotFound = 6;
    private const nint SecondDevice = 77;

    /// <summary>Times that it was opened more than closed.</summary>
    public static int Open { get; private set; }

    public static nint Export(string name) => name switch
    {
        "nvmlInit_v2" => (nint)(delegate* unmanaged[Cdecl]<int>)&Init,
        "nvmlShutdown" => (nint)(delegate* unmanaged[Cdecl]<int>)&Shutdown,
        "nvmlDeviceGetHandleByIndex_v2" => (nint)(delegate* unmanaged[Cdecl]<uint, nint*, int>)&Find,
        "nvmlDeviceGetMemoryInfo" => (nint)(delegate* unmanaged[Cdecl]<nint, ulong*, int>)&Memory,
        "nvmlDeviceGetCudaComputeCapability" => (nint)(delegate* unmanaged[Cdecl]<nint, int*, int*, int>)&Capability,
        _ => throw new EntryPointNotFoundException(name),
    };

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Init()
    {
        Open++;
        return Success;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Shutdown()
    {
        Open--;
        return Success;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Find(uint index, nint* device)
    {
        *device = index == 1 ? SecondDevice : 0;
        return index == 1 ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Memory(nint device, ulong* totalFreeUsed)
    {
        (totalFreeUsed[0], totalFreeUsed[1], totalFreeUsed[2]) = (8_000_000_000, 7_000_000_000, 1_000_000_000);
        return device == SecondDevice ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Capability(nint device, int* major, int* minor)
    {
        (*major, *minor) = (8, 6);
        return device == SecondDevice ? Success : NotFound;
    }
}
