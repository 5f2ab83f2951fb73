using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lora.Native;
using TorchSharp;

namespace Lora.Tools.Operators;

/// <summary>
/// libtorch's profiling hook (ATen/record_function.h) on the calling thread. It has no C interface: functions are found by their C++ names, and
/// what they are given is read as libtorch 2.10 lays it out on Linux x64. Other versions and platforms are refused by name.
/// </summary>
internal static unsafe class RecordFunction
{
    private const string Version = "2.10";

    // In at::RecordFunction: c10::ArrayRef<IValue> inputs_, a map of 56 bytes, and std::vector<IValue> outputs_.
    private const int InputsBegin = 0xd0;
    private const int InputsCount = 0xd8;
    private const int OutputsBegin = 0x118;
    private const int OutputsEnd = 0x120;

    // c10::IValue: a word that is the value or points to it, and what it is. A list begins after the count of its owners.
    private const int ValueSize = 16;
    private const int TagOffset = 8;
    private const int TensorTag = 1;
    private const int ListTag = 14;
    private const int ListBegin = 16;
    private const int ListEnd = 24;

    [ThreadStatic]
    private static OperatorRecorder? recorder;

    /// <summary>Why there is no hook here, or null.</summary>
    public static string? Reason { get; } =
        !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
            ? $"Operators are counted on Linux x64 only; this is {RuntimeInformation.RuntimeIdentifier}."
            : !LibTorchVersion().StartsWith(Version, StringComparison.Ordinal)
                ? $"Operators are counted in libtorch {Version} only; this is {LibTorchVersion()}."
                : null;

    /// <summary>Tells of each operator that runs on this thread until what it returns is disposed of.</summary>
    public static IDisposable Tell(OperatorRecorder listener)
    {
        if (recorder is not null)
        {
            throw new InvalidOperationException("Operators are being counted on this thread already.");
        }

        recorder = listener;
        return new Subscription(Entries.Add(new()
        {
            Start = (nint)(delegate* unmanaged[Cdecl]<nint*, nint, nint*>)&Begin,
            End = (nint)(delegate* unmanaged[Cdecl]<nint, nint, void>)&End,
            Probability = 1,
            IsFunction = 1,
            NeedsInputs = 1,
            NeedsOutputs = 1,
        }));
    }

    private static string LibTorchVersion()
    {
        TorchLibrary.Load();
        return torch.__version__;
    }

    // A std::unique_ptr is returned by a place that the caller gives; null is one that owns nothing.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint* Begin(nint* result, nint function)
    {
        // What an operator is given may be gone when it ends.
        recorder!.Begin(Marshal.PtrToStringUTF8(Entries.Name(function))!, Tensors(Word(function, InputsBegin), Word(function, InputsCount)));
        *result = 0;
        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void End(nint function, nint context)
    {
        nint begin = Word(function, OutputsBegin);
        recorder!.End(Tensors(begin, (Word(function, OutputsEnd) - begin) / ValueSize));
    }

    private static List<RecordedTensor> Tensors(nint values, nint count)
    {
        List<RecordedTensor> found = [];
        for (nint value = values; value < values + (count * ValueSize); value += ValueSize)
        {
            switch (*(int*)(value + TagOffset))
            {
                case TensorTag when IsDefined(value):
                    found.Add(Read(value));
                    break;
                case ListTag:
                    nint list = *(nint*)value;
                    found.AddRange(Tensors(Word(list, ListBegin), (Word(list, ListEnd) - Word(list, ListBegin)) / ValueSize));
                    break;
            }
        }

        return found;
    }

    private static nint Word(nint place, int offset) => *(nint*)(place + offset);

    private static bool IsDefined(nint tensor)
    {
        byte isDefined;
        _ = Entries.IsDefined(tensor, &isDefined);
        return isDefined != 0;
    }

    private static RecordedTensor Read(nint tensor)
    {
        long dimensions;
        long* sizes;
        long* strides;
        int type;
        int failures = Entries.Dimensions(tensor, &dimensions) | Entries.Sizes(tensor, &sizes) | Entries.Strides(tensor, &strides) | Entries.Type(tensor, &type);
        return failures == 0
            ? new([.. new ReadOnlySpan<long>(sizes, (int)dimensions)], [.. new ReadOnlySpan<long>(strides, (int)dimensions)], (torch.ScalarType)type, *(nint*)tensor)
            : throw new InvalidOperationException("libtorch refused to tell a tensor's shape; it wrote the reason to standard error.");
    }

    private sealed class Subscription(ulong handle) : IDisposable
    {
        public void Dispose()
        {
            Entries.Remove(handle);
            recorder = null;
        }
    }

    /// <summary>at::RecordFunctionCallback.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Callback
    {
        public nint Start;
        public nint End;
        public double Probability;

        // One for each scope; operators are the first.
        public byte IsFunction;
        public fixed byte OtherScopes[9];
        public byte NeedsInputs;
        public byte NeedsOutputs;
        public byte NeedsIds;
    }

    /// <summary>Functions of libtorch, found when they are first needed.</summary>
    private static class Entries
    {
        private static readonly nint Library = NativeLibrary.Load(TorchLibrary.FindFile("torch_cpu")!);

        public static readonly delegate* unmanaged[Cdecl]<Callback, ulong> Add =
            (delegate* unmanaged[Cdecl]<Callback, ulong>)Find("_ZN2at22addThreadLocalCallbackENS_22RecordFunctionCallbackE");

        public static readonly delegate* unmanaged[Cdecl]<ulong, void> Remove = (delegate* unmanaged[Cdecl]<ulong, void>)Find("_ZN2at14removeCallbackEm");

        public static readonly delegate* unmanaged[Cdecl]<nint, nint> Name = (delegate* unmanaged[Cdecl]<nint, nint>)Find("_ZNK2at14RecordFunction4nameEv");

        // A tensor within an IValue lies there as at::Tensor, to which the C interface's handles point.
        public static readonly delegate* unmanaged[Cdecl]<nint, byte*, int> IsDefined = (delegate* unmanaged[Cdecl]<nint, byte*, int>)Find("aoti_torch_is_defined");

        public static readonly delegate* unmanaged[Cdecl]<nint, long*, int> Dimensions = (delegate* unmanaged[Cdecl]<nint, long*, int>)Find("aoti_torch_get_dim");

        public static readonly delegate* unmanaged[Cdecl]<nint, long**, int> Sizes = (delegate* unmanaged[Cdecl]<nint, long**, int>)Find("aoti_torch_get_sizes");

        public static readonly delegate* unmanaged[Cdecl]<nint, long**, int> Strides = (delegate* unmanaged[Cdecl]<nint, long**, int>)Find("aoti_torch_get_strides");

        public static readonly delegate* unmanaged[Cdecl]<nint, int*, int> Type = (delegate* unmanaged[Cdecl]<nint, int*, int>)Find("aoti_torch_get_dtype");

        private static nint Find(string name) => NativeLibrary.GetExport(Library, name);
    }
}
