using System.Buffers.Binary;

namespace Lora.Export;

/// <summary>
/// Q6_K: 256 values as a scale in half precision, a scale of 8 bits for each 16 of them, and a code of 6 bits each: value = d · scale · (code - 32). The scale of 16 is
/// the one of nineteen with the least error, weighted by the squares of the values.
/// </summary>
internal static class BlockOf6Bits
{
    private const int Size = 256;
    private const int GroupSize = 16;
    private const int Groups = Size / GroupSize;
    private const int Middle = 32;
    private const int Tries = 9; // on each side
    private const float TryStep = 0.1f;
    private const float Nothing = 1e-15f; // below this all values of a group count as zero

    /// <summary>Encodes a block.</summary>
    /// <param name="values">256 values.</param>
    /// <param name="block">210 bytes: lower halves of codes, upper quarters, scales, d.</param>
    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> codes = stackalloc byte[Size];
        Span<float> scales = stackalloc float[Groups];
        float furthest = 0;
        for (int group = 0; group < Groups; group++)
        {
            scales[group] = Group(values.Slice(group * GroupSize, GroupSize), codes.Slice(group * GroupSize, GroupSize));
            furthest = MathF.Abs(scales[group]) > MathF.Abs(furthest) ? scales[group] : furthest;
        }

        block.Clear();
        if (MathF.Abs(furthest) < Nothing)
        {
            return;
        }

        float inverse = -128f / furthest;
        Half whole = (Half)(1 / inverse);
        Span<byte> stored = block.Slice(192, Groups);
        for (int group = 0; group < Groups; group++)
        {
            sbyte scale = (sbyte)Math.Min(127, Nearest(inverse * scales[group]));
            stored[group] = (byte)scale;
            float step = (float)whole * scale;
            for (int index = group * GroupSize; step != 0 && index < (group + 1) * GroupSize; index++)
            {
                codes[index] = (byte)(Math.Clamp(Nearest(values[index] / step), -Middle, Middle - 1) + Middle);
            }
        }

        Pack(codes, block);
        BinaryPrimitives.WriteHalfLittleEndian(block[208..], whole);
    }

    /// <summary>The scale of a group, and its codes by that scale.</summary>
    private static float Group(ReadOnlySpan<float> values, Span<byte> codes)
    {
        float furthest = 0;
        foreach (float value in values)
        {
            furthest = MathF.Abs(value) > MathF.Abs(furthest) ? value : furthest;
        }

        codes.Clear();
        if (MathF.Abs(furthest) < Nothing)
        {
            return 0;
        }

        float inverse = -Middle / furthest;
        (float product, float square) = Fit(values, inverse);
        SetCodes(values, inverse, codes);
        float scale = square != 0 ? product / square : 0;
        float best = scale * product;
        for (int step = -Tries; step <= Tries; step++)
        {
            inverse = -(Middle + (TryStep * step)) / furthest;
            (product, square) = step == 0 ? default : Fit(values, inverse);
            if (square > 0 && product * product > best * square)
            {
                SetCodes(values, inverse, codes);
                scale = product / square;
                best = scale * product;
            }
        }

        return scale;
    }

    /// <summary>What the least squares for a scale take: sums of w x code and w code², w = x².</summary>
    private static (float Product, float Square) Fit(ReadOnlySpan<float> values, float inverse)
    {
        float product = 0;
        float square = 0;
        foreach (float value in values)
        {
            int code = Math.Clamp(Nearest(inverse * value), -Middle, Middle - 1);
            float weight = value * value;
            product += weight * value * code;
            square += weight * code * code;
        }

        return (product, square);
    }

    private static void SetCodes(ReadOnlySpan<float> values, float inverse, Span<byte> codes)
    {
        for (int index = 0; index < values.Length; index++)
        {
            codes[index] = (byte)(Math.Clamp(Nearest(inverse * values[index]), -Middle, Middle - 1) + Middle);
        }
    }

    /// <summary>Of each 128 codes: 64 bytes with the lower halves of the first and second 32 beside those of the third and fourth; 32 bytes with the rest of all four.</summary>
    private static void Pack(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        for (int half = 0; half < 2; half++)
        {
            ReadOnlySpan<byte> all = codes.Slice(half * 128, 128);
            Span<byte> low = block.Slice(half * 64, 64);
            Span<byte> high = block.Slice(128 + (half * 32), 32);
            for (int index = 0; index < 32; index++)
            {
                (byte one, byte two, byte three, byte four) = (all[index], all[index + 32], all[index + 64], all[index + 96]);
                low[index] = (byte)((one & 15) | (three << 4));
                low[index + 32] = (byte)((two & 15) | (four << 4));
                high[index] = (byte)((one >> 4) | ((two >> 4) << 2) | ((three >> 4) << 4) | ((four >> 4) << 6));
            }
        }
    }

    /// <summary>The nearest whole number, the even one of two that are as near.</summary>
    private static int Nearest(float value) => (int)MathF.Round(value);
}
