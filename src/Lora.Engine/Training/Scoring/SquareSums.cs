using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>Σ x² of values as they are stored, at more than the rate at which memory gives them.</summary>
internal static class SquareSums
{
    // Float32 adds up so few values that the sum keeps its digits; double adds up the blocks.
    private const int BlockBytes = 16 << 10;

    private const int HalfBits = 16;
    private const ushort Magnitude = 0x7fff;
    private const ushort InfiniteHalf = 0x7c00;
    private const int HalfShift = 13; // of float16's mantissa to float32's
    private const float HalfScale = 5.192296858534828e33f; // 2¹¹², between the biases of the two exponents

    /// <summary>Whether values of a dtype can be summed up.</summary>
    public static bool Knows(TensorDataType type) => type is TensorDataType.F32 or TensorDataType.BF16 or TensorDataType.F16;

    /// <summary>The sum; infinite, or no number, where any value is.</summary>
    /// <param name="stored">Whole values, little-endian.</param>
    /// <param name="type">Their dtype, one that is known.</param>
    public static double Of(ReadOnlySpan<byte> stored, TensorDataType type)
    {
        double sum = 0;
        Span<byte> end = stackalloc byte[Vector<byte>.Count];
        for (int at = 0; at < stored.Length; at += BlockBytes)
        {
            ReadOnlySpan<byte> block = stored.Slice(at, Math.Min(BlockBytes, stored.Length - at));
            int whole = block.Length / Vector<byte>.Count * Vector<byte>.Count;
            sum += Vector.Sum(Vectors(block[..whole], type));
            if (whole < block.Length)
            {
                end.Clear(); // zeros add nothing
                block[whole..].CopyTo(end);
                sum += Vector.Sum(Vectors(end, type));
            }
        }

        return sum;
    }

    private static Vector<float> Vectors(ReadOnlySpan<byte> stored, TensorDataType type) => type switch
    {
        TensorDataType.F32 => Single(MemoryMarshal.Cast<byte, Vector<float>>(stored)),
        TensorDataType.BF16 => Brain(MemoryMarshal.Cast<byte, Vector<ushort>>(stored)),
        TensorDataType.F16 => Half(MemoryMarshal.Cast<byte, Vector<ushort>>(stored)),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No values of this dtype are summed up."),
    };

    /// <summary>Four sums, since each addition waits for the one before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector<float> Single(ReadOnlySpan<Vector<float>> values)
    {
        (Vector<float> first, Vector<float> second, Vector<float> third, Vector<float> fourth) = (default, default, default, default);
        int at = 0;
        for (; at + 4 <= values.Length; at += 4)
        {
            first = Vector.FusedMultiplyAdd(values[at], values[at], first);
            second = Vector.FusedMultiplyAdd(values[at + 1], values[at + 1], second);
            third = Vector.FusedMultiplyAdd(values[at + 2], values[at + 2], third);
            fourth = Vector.FusedMultiplyAdd(values[at + 3], values[at + 3], fourth);
        }

        for (; at < values.Length; at++)
        {
            first = Vector.FusedMultiplyAdd(values[at], values[at], first);
        }

        return (first + second) + (third + fourth);
    }

    /// <summary>bfloat16 is the upper half of a float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector<float> Brain(ReadOnlySpan<Vector<ushort>> values)
    {
        (Vector<float> even, Vector<float> odd) = (default, default);
        foreach (Vector<ushort> stored in values)
        {
            // Which of two neighbours is which does not matter to a sum: one is shifted up, of the other the lower half is cleared.
            Vector<uint> pairs = Vector.AsVectorUInt32(stored);
            Vector<float> low = Vector.AsVectorSingle(Vector.ShiftLeft(pairs, HalfBits));
            Vector<float> high = Vector.AsVectorSingle(pairs & new Vector<uint>(uint.MaxValue << HalfBits));
            even = Vector.FusedMultiplyAdd(low, low, even);
            odd = Vector.FusedMultiplyAdd(high, high, odd);
        }

        return even + odd;
    }

    /// <summary>float16 without its sign, its exponent moved to float32's place and scaled by what the biases differ by; subnormal values come out right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector<float> Half(ReadOnlySpan<Vector<ushort>> values)
    {
        (Vector<float> even, Vector<float> odd) = (default, default);
        foreach (Vector<ushort> stored in values)
        {
            Vector.Widen(stored & new Vector<ushort>(Magnitude), out Vector<uint> low, out Vector<uint> high);
            Vector<float> first = Wide(low), second = Wide(high);
            even = Vector.FusedMultiplyAdd(first, first, even);
            odd = Vector.FusedMultiplyAdd(second, second, odd);
        }

        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Wide(Vector<uint> half)
    {
        Vector<float> value = Vector.AsVectorSingle(Vector.ShiftLeft(half, HalfShift)) * new Vector<float>(HalfScale);
        return Vector.ConditionalSelect(
            Vector.AsVectorSingle(Vector.GreaterThanOrEqual(half, new Vector<uint>(InfiniteHalf))), new Vector<float>(float.PositiveInfinity), value);
    }
}
