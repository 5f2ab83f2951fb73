using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// Asks libtorch for algorithms that give the same numbers each time (torch.use_deterministic_algorithms), which TorchSharp 0.107 cannot. FlashAttention has no
/// argument for it. The setting is the process's, so it is on for the calls that need it and no longer: other operators would be refused by it.
/// </summary>
/// <remarks>By their C++ names, on Linux alone: there is no FlashAttention in libtorch for Windows.</remarks>
internal static unsafe class RepeatableAlgorithms
{
    private static readonly delegate* unmanaged[Cdecl]<nint> Context = (delegate* unmanaged[Cdecl]<nint>)Find("_ZN2at13globalContextEv");
    private static readonly delegate* unmanaged[Cdecl]<nint, byte, byte, void> Set = (delegate* unmanaged[Cdecl]<nint, byte, byte, void>)Find("_ZN2at7Context26setDeterministicAlgorithmsEbb");
    private static readonly delegate* unmanaged[Cdecl]<nint, byte> Get = (delegate* unmanaged[Cdecl]<nint, byte>)Find("_ZNK2at7Context23deterministicAlgorithmsEv");
    private static readonly delegate* unmanaged[Cdecl]<nint, byte, void> SetFill = (delegate* unmanaged[Cdecl]<nint, byte, void>)Find("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb");

    private static readonly delegate* unmanaged[Cdecl]<nint, byte> GetFill = (delegate* unmanaged[Cdecl]<nint, byte>)Find("_ZNK2at7Context36deterministicFillUninitializedMemoryEv");

    /// <summary>Whether this libtorch can be asked.</summary>
    public static bool CanBegin { get; } = Context != null && Set != null && Get != null && SetFill != null && GetFill != null;

    /// <summary>Whether they are asked for now.</summary>
    public static bool IsOn => CanBegin && (Get(Context()) & 1) != 0;

    /// <summary>Asks for them until the result is disposed of; where that cannot be asked, nothing happens.</summary>
    public static Scope Begin()
    {
        if (!CanBegin || IsOn)
        {
            return default;
        }

        // Else each tensor that an operator makes would be filled with NaN first: a launch and a pass over its memory.
        byte fill = GetFill(Context());
        SetFill(Context(), 0);
        Set(Context(), 1, 0);
        return new(isBegun: true, fill);
    }

    private static nint Find(string name) =>
        OperatingSystem.IsLinux() && TorchLibrary.FindFile("torch_cpu") is string file && NativeLibrary.TryLoad(file, out nint library) && NativeLibrary.TryGetExport(library, name, out nint export)
            ? export
            : 0;

    /// <summary>While they are asked for.</summary>
    internal readonly struct Scope(bool isBegun, byte fill) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose()
        {
            if (isBegun)
            {
                Set(Context(), 0, 0);
                SetFill(Context(), fill);
            }
        }
    }
}
