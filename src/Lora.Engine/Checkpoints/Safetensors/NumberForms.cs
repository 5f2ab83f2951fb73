using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lora.Checkpoints;

/// <summary>
/// Stored numbers to float32 and back, sixteen at a time and without libtorch, so that it is done on any thread: exact where they become wider, else to the nearest, and
/// of two that are as near to the even one (IEEE 754).
/// </summary>
internal static class NumberForms
{
    private const int Lanes = 16;
    private const int BrainShift = 16; // bfloat16 is the upper half of a float32
    private const int HalfShift = 13; // ten bits of a fraction of 23
    private const uint SignOfHalf = 0x8000;
    private const uint InfiniteHalf = 0x7C00;
    private const uint Infinite = 0x7F800000;
    private const float BiasOfHalf = 5.192297e33f; // 2^112: a half's exponent counts from -15, a float's from -127
    private const uint SmallestNormalHalf = 0x38800000; // 2^-14
    private const uint BeyondHalf = 0x47800000; // 2^16
    private const uint ToHalfBias = 0xC8000FFF; // (15 - 127) << 23, and just less than a half of the last place

    /// <summary>Makes float32 of stored numbers.</summary>
    /// <param name="stored">The numbers, little-endian.</param>
    /// <param name="type">F32, F16, BF16 or F64.</param>
    /// <param name="values">As many as there are.</param>
    public static void Widen(ReadOnlySpan<byte> stored, TensorDataType type, Span<float> values)
    {
        switch (type)
        {
            case TensorDataType.F32:
                stored.CopyTo(MemoryMarshal.AsBytes(values));
                break;
            case TensorDataType.F16:
            case TensorDataType.BF16:
                Widen(MemoryMarshal.Cast<byte, ushort>(stored), type == TensorDataType.BF16, values);
                break;
            case TensorDataType.F64:
                for (int index = 0; index < values.Length; index++)
                {
                    values[index] = (float)BinaryPrimitives.ReadDoubleLittleEndian(stored[(index * sizeof(double))..]);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "The form has no numbers of its own.");
        }
    }

    /// <summary>Stores float32.</summary>
    /// <param name="values">The values.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="stored">As many bytes as they take.</param>
    public static void Narrow(ReadOnlySpan<float> values, TensorDataType type, Span<byte> stored)
    {
        switch (type)
        {
            case TensorDataType.F32:
                MemoryMarshal.AsBytes(values).CopyTo(stored);
                break;
            case TensorDataType.F16:
            case TensorDataType.BF16:
                Narrow(values, type == TensorDataType.BF16, MemoryMarshal.Cast<byte, ushort>(stored));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "The form is not written.");
        }
    }

    private static void Widen(ReadOnlySpan<ushort> halves, bool isBrain, Span<float> values)
    {
        ref ushort source = ref MemoryMarshal.GetReference(halves);
        ref float target = ref MemoryMarshal.GetReference(values);
        int index = 0;
        for (; index <= values.Length - Lanes; index += Lanes)
        {
            Vector256<ushort> part = Vector256.LoadUnsafe(ref source, (nuint)index);
            Of(Vector256.WidenLower(part)).StoreUnsafe(ref target, (nuint)index);
            Of(Vector256.WidenUpper(part)).StoreUnsafe(ref target, (nuint)(index + (Lanes / 2)));
        }

        for (; index < values.Length; index++)
        {
            values[index] = Of(Vector256.Create((uint)halves[index]))[0];
        }

        Vector256<float> Of(Vector256<uint> bits) => isBrain ? (bits << BrainShift).AsSingle() : OfHalf(bits);
    }

    private static void Narrow(ReadOnlySpan<float> values, bool isBrain, Span<ushort> halves)
    {
        ref float source = ref MemoryMarshal.GetReference(values);
        ref ushort target = ref MemoryMarshal.GetReference(halves);
        int index = 0;
        for (; index <= values.Length - Lanes; index += Lanes)
        {
            Vector256<uint> low = Of(Vector256.LoadUnsafe(ref source, (nuint)index).AsUInt32());
            Vector256<uint> high = Of(Vector256.LoadUnsafe(ref source, (nuint)(index + (Lanes / 2))).AsUInt32());
            Vector256.Narrow(low, high).StoreUnsafe(ref target, (nuint)index);
        }

        for (; index < values.Length; index++)
        {
            halves[index] = (ushort)Of(Vector256.Create(values[index]).AsUInt32())[0];
        }

        Vector256<uint> Of(Vector256<uint> bits) => isBrain ? ToBrain(bits) : ToHalf(bits);
    }

    private static Vector256<float> OfHalf(Vector256<uint> bits)
    {
        Vector256<uint> sign = (bits & Vector256.Create(SignOfHalf)) << 16;
        Vector256<uint> size = (bits & Vector256.Create(SignOfHalf - 1)) << HalfShift;
        Vector256<uint> finite = (size.AsSingle() * BiasOfHalf).AsUInt32();
        Vector256<uint> isOther = Vector256.GreaterThanOrEqual(size, Vector256.Create(InfiniteHalf << HalfShift));
        return (Vector256.ConditionalSelect(isOther, size | Vector256.Create(Infinite), finite) | sign).AsSingle();
    }

    private static Vector256<uint> ToHalf(Vector256<uint> bits)
    {
        Vector256<uint> sign = bits & Vector256.Create(0x80000000);
        Vector256<uint> size = bits ^ sign;
        Vector256<uint> normal = (size + Vector256.Create(ToHalfBias) + ((size >> HalfShift) & Vector256<uint>.One)) >> HalfShift;

        // Added to 0.5, whose last place is the step of the smallest halves, the sum is rounded as they are.
        Vector256<float> anchor = Vector256.Create(0.5f);
        Vector256<uint> small = (size.AsSingle() + anchor).AsUInt32() - anchor.AsUInt32();
        Vector256<uint> other = Vector256.ConditionalSelect(Vector256.GreaterThan(size, Vector256.Create(Infinite)), Vector256.Create(InfiniteHalf | 0x200), Vector256.Create(InfiniteHalf));
        Vector256<uint> half = Vector256.ConditionalSelect(Vector256.LessThan(size, Vector256.Create(SmallestNormalHalf)), small, normal);
        return Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(size, Vector256.Create(BeyondHalf)), other, half) | (sign >> 16);
    }

    private static Vector256<uint> ToBrain(Vector256<uint> bits)
    {
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >> BrainShift) & Vector256<uint>.One)) >> BrainShift;
        Vector256<uint> isNaN = Vector256.GreaterThan(bits & Vector256.Create(0x7FFFFFFFu), Vector256.Create(Infinite));
        return Vector256.ConditionalSelect(isNaN, Vector256.Create(0x7FC0u), rounded);
    }
}
