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

    /// <summary>Times that it was opened more than closed.</summary>
    public static int Open { get; private set; }

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
