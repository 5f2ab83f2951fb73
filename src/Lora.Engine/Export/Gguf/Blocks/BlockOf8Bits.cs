using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lora.Export;

/// <summary>Q8_0: 32 values as a scale d in half precision and a signed byte each, value = d · code. The largest value has the code 127.</summary>
internal static class BlockOf8Bits
{
    private const int Size = 32;
    private const float Largest = 127;

    // The number before 0.5: added to it and cut off, it rounds halves away from zero, and nothing below a half up.
    private const float JustBelowHalf = 0.49999997f;

    /// <summary>Encodes a block.</summary>
    /// <param name="values">32 values.</param>
    /// <param name="block">34 bytes.</param>
    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        ReadOnlySpan<Vector256<float>> parts = MemoryMarshal.Cast<float, Vector256<float>>(values);
        Vector256<float> largest = Vector256.MaxNative(Vector256.MaxNative(Vector256.Abs(parts[0]), Vector256.Abs(parts[1])), Vector256.MaxNative(Vector256.Abs(parts[2]), Vector256.Abs(parts[3])));
        float scale = Most(largest) / Largest;
        float inverse = scale != 0 ? 1 / scale : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        Vector256<short> low = Vector256.Narrow(Codes(parts[0], inverse), Codes(parts[1], inverse));
        Vector256<short> high = Vector256.Narrow(Codes(parts[2], inverse), Codes(parts[3], inverse));
        Vector256.Narrow(low, high).AsByte().CopyTo(block[sizeof(ushort)..(sizeof(ushort) + Size)]);
    }

    private static Vector256<int> Codes(Vector256<float> values, float inverse)
    {
        Vector256<float> scaled = values * inverse;
        Vector256<float> half = Vector256.CopySign(Vector256.Create(JustBelowHalf), scaled);
        return Vector256.ConvertToInt32Native(scaled + half);
    }

    private static float Most(Vector256<float> values)
    {
        Vector128<float> four = Vector128.MaxNative(values.GetLower(), values.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }
}
