using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// Weights as vectors of float32. .NET's own vectors and not <see cref="ILanes{TSelf}"/>: its structs of one vector go through memory in loops with several sums,
/// which made the products of this folder three to five times slower.
/// </summary>
internal static unsafe class WeightVectors<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    private const int HalfBits = 16;

    /// <summary>Sixteen values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(TElement* source)
    {
        if (typeof(TElement) == typeof(SingleElement))
        {
            return Vector512.Load((float*)source);
        }

        // bfloat16 is the upper half of a float32: to widen is to shift.
        Vector256<ushort> halves = Vector256.Load((ushort*)source);
        Vector512<uint> wide = Avx512F.IsSupported ? Avx512F.ConvertToVector512UInt32(halves) : Vector512.Create(Vector256.WidenLower(halves), Vector256.WidenUpper(halves));
        return Vector512.ShiftLeft(wide, HalfBits).AsSingle();
    }

    /// <summary>Eight values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(TElement* source)
    {
        if (typeof(TElement) == typeof(SingleElement))
        {
            return Vector256.Load((float*)source);
        }

        Vector128<ushort> halves = Vector128.Load((ushort*)source);
        Vector256<uint> wide = Avx2.IsSupported ? Avx2.ConvertToVector256Int32(halves).AsUInt32() : Vector256.Create(Vector128.WidenLower(halves), Vector128.WidenUpper(halves));
        return Vector256.ShiftLeft(wide, HalfBits).AsSingle();
    }
}
