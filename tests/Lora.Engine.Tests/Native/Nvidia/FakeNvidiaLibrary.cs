using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lora.Tests.Native;

/// <summary>
/// Functions with the signatures of nvml.h and cuda.h, for a machine with two devices of which one answers, the second of CUDA's and the first on the bus.
/// </summary>
internal static unsafe class FakeNvidiaLibrary
{
    private const int Success = 0;
    private const int NotFound = 6;
    private const nint Answering = 77;
    private const int Ordinal = 1;
    private const int CudaDevice = 40;

    private const nint Context = 88;

    /// <summary>Times that it was opened more than closed.</summary>
    public static int Open { get; private set; }

    /// <summary>Times that a context was taken more than given back, and was a thread's more than it was let go.</summary>
    public static (int Retained, int Pushed) Contexts { get; private set; }

    /// <summary>Whether anything of this process is on the second device.</summary>
    public static bool IsActive { get; set; } = true;

    /// <summary>The same for who is told by a zero that a function is not there.</summary>
    public static nint ExportOrZero(string name)
    {
        try
        {
            return Export(name);
        }
        catch (EntryPointNotFoundException)
        {
            return 0;
        }
    }

    public static nint Export(string name) => name switch
    {
        "nvmlInit_v2" => (nint)(delegate* unmanaged[Cdecl]<int>)&Init,
        "nvmlShutdown" => (nint)(delegate* unmanaged[Cdecl]<int>)&Shutdown,
        "nvmlDeviceGetHandleByPciBusId_v2" => (nint)(delegate* unmanaged[Cdecl]<byte*, nint*, int>)&Find,
        "cuInit" => (nint)(delegate* unmanaged[Cdecl]<uint, int>)&InitCuda,
        "cuDeviceGet" => (nint)(delegate* unmanaged[Cdecl]<int*, int, int>)&FindCuda,
        "cuDeviceGetPCIBusId" => (nint)(delegate* unmanaged[Cdecl]<byte*, int, int, int>)&Place,
        "cuDeviceGetAttribute" => (nint)(delegate* unmanaged[Cdecl]<int*, int, int, int>)&Attribute,
        "cuDevicePrimaryCtxGetState" => (nint)(delegate* unmanaged[Cdecl]<int, uint*, int*, int>)&State,
        "cuDevicePrimaryCtxRetain" => (nint)(delegate* unmanaged[Cdecl]<nint*, int, int>)&Retain,
        "cuDevicePrimaryCtxRelease_v2" => (nint)(delegate* unmanaged[Cdecl]<int, int>)&Release,
        "cuCtxPushCurrent_v2" => (nint)(delegate* unmanaged[Cdecl]<nint, int>)&Push,
        "cuCtxPopCurrent_v2" => (nint)(delegate* unmanaged[Cdecl]<nint*, int>)&Pop,
        "cuMemGetInfo_v2" => (nint)(delegate* unmanaged[Cdecl]<ulong*, ulong*, int>)&FreeAndTotal,
        "nvmlDeviceGetMemoryInfo" => (nint)(delegate* unmanaged[Cdecl]<nint, ulong*, int>)&Memory,
        "nvmlDeviceGetCudaComputeCapability" => (nint)(delegate* unmanaged[Cdecl]<nint, int*, int*, int>)&Capability,
        "nvmlDeviceGetHandleByIndex_v2" => (nint)(delegate* unmanaged[Cdecl]<uint, nint*, int>)&FindByIndex,
        "nvmlSystemGetDriverVersion" => (nint)(delegate* unmanaged[Cdecl]<byte*, uint, int>)&Driver,
        "nvmlDeviceGetCount_v2" => (nint)(delegate* unmanaged[Cdecl]<uint*, int>)&Count,
        "nvmlDeviceGetName" => (nint)(delegate* unmanaged[Cdecl]<nint, byte*, uint, int>)&Name,
        "nvmlDeviceGetComputeRunningProcesses_v3" => (nint)(delegate* unmanaged[Cdecl]<nint, uint*, ulong*, int>)&Processes,
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
    private static int InitCuda(uint flags) => flags == 0 ? Success : NotFound;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FindCuda(int* device, int ordinal)
    {
        *device = CudaDevice + ordinal;
        return ordinal is 0 or Ordinal ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Attribute(int* value, int attribute, int device)
    {
        // cuda.h: 75 and 76 are the compute capability's.
        *value = attribute switch { 75 => 8, 76 => 6, _ => 0 };
        return device == CudaDevice + Ordinal ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int State(int device, uint* flags, int* isActive)
    {
        (*flags, *isActive) = (0, device == CudaDevice + Ordinal && IsActive ? 1 : 0);
        return Success;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Retain(nint* context, int device)
    {
        *context = Context;
        Contexts = Contexts with { Retained = Contexts.Retained + 1 };
        return device == CudaDevice + Ordinal ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Release(int device)
    {
        Contexts = Contexts with { Retained = Contexts.Retained - 1 };
        return device == CudaDevice + Ordinal ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Push(nint context)
    {
        Contexts = Contexts with { Pushed = Contexts.Pushed + 1 };
        return context == Context ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Pop(nint* context)
    {
        *context = Context;
        Contexts = Contexts with { Pushed = Contexts.Pushed - 1 };
        return Success;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FreeAndTotal(ulong* free, ulong* total)
    {
        (*free, *total) = (6_000_000_000, 8_000_000_000);
        return Contexts.Pushed == 1 ? Success : NotFound; // without a context CUDA knows no device
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Place(byte* place, int length, int device)
    {
        // CUDA's second device lies first on the bus.
        ReadOnlySpan<byte> text = device == CudaDevice + Ordinal ? "0000:01:00.0\0"u8 : "0000:0b:00.0\0"u8;
        text.CopyTo(new(place, length));
        return Success;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Find(byte* place, nint* device)
    {
        bool isFirst = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(place).SequenceEqual("0000:01:00.0"u8);
        *device = isFirst ? Answering : 0;
        return isFirst ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Memory(nint device, ulong* totalFreeUsed)
    {
        (totalFreeUsed[0], totalFreeUsed[1], totalFreeUsed[2]) = (8_000_000_000, 7_000_000_000, 1_000_000_000);
        return device == Answering ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Capability(nint device, int* major, int* minor)
    {
        (*major, *minor) = (8, 6);
        return device == Answering ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FindByIndex(uint index, nint* device)
    {
        *device = index == 0 ? Answering : 0;
        return index == 0 ? Success : NotFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Driver(byte* text, uint length) => Write("570.26"u8, text);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Name(nint device, byte* text, uint length) => Write("Fake card"u8, text);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Count(uint* devices)
    {
        *devices = 2;
        return Success;
    }

    // Three programs of 24 bytes each: two others, of which one's memory is not known, and this one.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Processes(nint device, uint* count, ulong* infos)
    {
        ulong[] found = [12, 1_500_000_000, 0, 13, ulong.MaxValue, 0, (ulong)Environment.ProcessId, 1, 0];
        found.CopyTo(new Span<ulong>(infos, found.Length));
        *count = 3;
        return Success;
    }

    private static int Write(ReadOnlySpan<byte> text, byte* target)
    {
        text.CopyTo(new Span<byte>(target, text.Length));
        target[text.Length] = 0;
        return Success;
    }
}
