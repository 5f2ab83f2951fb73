using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lora.Export;

/// <summary>
/// Q4_0: 32 values as a scale d in half precision and a code of 4 bits each, value = d · (code - 8). The value that is furthest from zero has the code 0, so d has
/// the opposite sign of it.
/// </summary>
internal static class BlockOf4Bits
{
    private const int Half = 16;
    private const float Furthest = -8;
    private const float Middle = 8.5f; // 8, and a half for rounding
    private const int LastCode = 15;

    /// <summary>Encodes a block.</summary>
    /// <param name="values">32 values.</param>
    /// <param name="block">18 bytes; the first 16 values have their lower halves, the others the upper ones.</param>
    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        ReadOnlySpan<Vector256<float>> parts = MemoryMarshal.Cast<float, Vector256<float>>(values);
        float scale = OfLargest(values, parts) / Furthest;
        float inverse = scale != 0 ? 1 / scale : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (System.Half)scale);
        Vector128<byte> low = Codes(parts[0], parts[1], inverse);
        Vector128<byte> high = Codes(parts[2], parts[3], inverse);
        (low | (high << 4)).CopyTo(block[sizeof(ushort)..(sizeof(ushort) + Half)]);
    }

    /// <summary>The value that is furthest from zero, the first where two are as far.</summary>
    private static float OfLargest(ReadOnlySpan<float> values, ReadOnlySpan<Vector256<float>> parts)
    {
        Vector256<float> largest = Vector256.MaxNative(Vector256.MaxNative(Vector256.Abs(parts[0]), Vector256.Abs(parts[1])), Vector256.MaxNative(Vector256.Abs(parts[2]), Vector256.Abs(parts[3])));
        Vector128<float> four = Vector128.MaxNative(largest.GetLower(), largest.GetUpper());
        Vector256<float> all = Vector256.Create(MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3])));
        uint places = 0;
        for (int part = 0; part < parts.Length; part++)
        {
            places |= Vector256.Equals(Vector256.Abs(parts[part]), all).ExtractMostSignificantBits() << (part * Vector256<float>.Count);
        }

        return values[BitOperations.TrailingZeroCount(places)];
    }

    private static Vector128<byte> Codes(Vector256<float> first, Vector256<float> second, float inverse)
    {
        Vector256<int> last = Vector256.Create(LastCode);
        Vector256<short> codes = Vector256.Narrow(
            Vector256.Min(Vector256.ConvertToInt32Native((first * inverse) + Vector256.Create(Middle)), last),
            Vector256.Min(Vector256.ConvertToInt32Native((second * inverse) + Vector256.Create(Middle)), last));
        return Vector128.Narrow(codes.GetLower(), codes.GetUpper()).AsByte();
    }
}
