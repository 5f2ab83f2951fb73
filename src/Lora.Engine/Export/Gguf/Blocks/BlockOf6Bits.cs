using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lora.Export;

/// <summary>
/// Q6_K: 256 values as a scale in half precision, a scale of 8 bits for each 16 of them, and a code of 6 bits each: value = d · scale · (code - 32). The scale of 16 is
/// the one of nineteen with the least error, weighted by the squares of the values.
/// </summary>
/// <remarks>Eight groups are searched at a time, one in each lane, so that each group's sums are taken value after value as by the reference code.</remarks>
internal static class BlockOf6Bits
{
    private const int Size = 256;
    private const int GroupSize = 16;
    private const int Groups = Size / GroupSize;
    private const int Lanes = 8;
    private const int Middle = 32;
    private const int Tries = 9; // on each side
    private const float TryStep = 0.1f;
    private const float Nothing = 1e-15f; // below this all values of a group count as zero

    /// <summary>Encodes a block.</summary>
    /// <param name="values">256 values.</param>
    /// <param name="block">210 bytes: lower halves of codes, upper quarters, scales, d.</param>
    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<float> scales = stackalloc float[Groups];
        Span<float> inverses = stackalloc float[Groups];
        for (int first = 0; first < Groups; first += Lanes)
        {
            Search(values.Slice(first * GroupSize, Lanes * GroupSize), scales.Slice(first, Lanes), inverses.Slice(first, Lanes));
        }

        float furthest = 0;
        foreach (float scale in scales)
        {
            furthest = MathF.Abs(scale) > MathF.Abs(furthest) ? scale : furthest;
        }

        block.Clear();
        if (MathF.Abs(furthest) < Nothing)
        {
            return;
        }

        float inverse = -128f / furthest;
        Half whole = (Half)(1 / inverse);
        Span<byte> stored = block.Slice(192, Groups);
        Span<byte> codes = stackalloc byte[Size];
        for (int group = 0; group < Groups; group++)
        {
            sbyte scale = (sbyte)Math.Min(127, (int)MathF.Round(inverse * scales[group]));
            stored[group] = (byte)scale;
            float step = (float)whole * scale;
            Span<byte> own = codes.Slice(group * GroupSize, GroupSize);
            ReadOnlySpan<Vector256<float>> parts = MemoryMarshal.Cast<float, Vector256<float>>(values.Slice(group * GroupSize, GroupSize));
            for (int part = 0; part < parts.Length; part++)
            {
                // A scale that rounds to zero leaves the codes of the search; a group of nothing has none.
                Vector256<float> scaled = step != 0 ? parts[part] / step : parts[part] * inverses[group];
                Vector256<int> found = inverses[group] == 0 && step == 0 ? Vector256<int>.Zero : Vector256.ConvertToInt32(Codes(scaled)) + Vector256.Create(Middle);
                for (int lane = 0; lane < Lanes; lane++)
                {
                    own[(part * Lanes) + lane] = (byte)found[lane];
                }
            }
        }

        Pack(codes, block);
        BinaryPrimitives.WriteHalfLittleEndian(block[208..], whole);
    }

    /// <summary>The best scales of eight groups, and what values are multiplied by for their codes; both 0 for a group of nothing.</summary>
    private static void Search(ReadOnlySpan<float> values, Span<float> scales, Span<float> inverses)
    {
        Span<float> turned = stackalloc float[Lanes * GroupSize]; // [values of a group, groups]
        for (int index = 0; index < turned.Length; index++)
        {
            turned[index] = values[(index % Lanes * GroupSize) + (index / Lanes)];
        }

        ReadOnlySpan<Vector256<float>> columns = MemoryMarshal.Cast<float, Vector256<float>>(turned);
        Vector256<float> furthest = Vector256<float>.Zero;
        foreach (Vector256<float> column in columns)
        {
            furthest = Vector256.ConditionalSelect(Vector256.GreaterThan(Vector256.Abs(column), Vector256.Abs(furthest)), column, furthest);
        }

        Vector256<float> isNothing = Vector256.LessThan(Vector256.Abs(furthest), Vector256.Create(Nothing));
        Vector256<float> bestInverse = Vector256.Create((float)-Middle) / furthest;
        (Vector256<float> product, Vector256<float> square) = Fit(columns, bestInverse);
        Vector256<float> scale = Vector256.ConditionalSelect(Vector256.Equals(square, Vector256<float>.Zero), Vector256<float>.Zero, product / square);
        Vector256<float> best = scale * product;
        for (int step = -Tries; step <= Tries; step++)
        {
            if (step == 0)
            {
                continue;
            }

            Vector256<float> inverse = Vector256.Create(-(Middle + (TryStep * step))) / furthest;
            (product, square) = Fit(columns, inverse);
            Vector256<float> isBetter = Vector256.GreaterThan(square, Vector256<float>.Zero) & Vector256.GreaterThan(product * product, best * square);
            scale = Vector256.ConditionalSelect(isBetter, product / square, scale);
            best = Vector256.ConditionalSelect(isBetter, scale * product, best);
            bestInverse = Vector256.ConditionalSelect(isBetter, inverse, bestInverse);
        }

        Vector256.AndNot(scale, isNothing).CopyTo(scales);
        Vector256.AndNot(bestInverse, isNothing).CopyTo(inverses);
    }

    /// <summary>What the least squares for a scale take: sums of w x code and w code², w = x².</summary>
    private static (Vector256<float> Product, Vector256<float> Square) Fit(ReadOnlySpan<Vector256<float>> columns, Vector256<float> inverse)
    {
        Vector256<float> product = Vector256<float>.Zero;
        Vector256<float> square = Vector256<float>.Zero;
        foreach (Vector256<float> values in columns)
        {
            Vector256<float> codes = Codes(inverse * values);
            Vector256<float> weights = values * values;
            product += weights * values * codes;
            square += weights * codes * codes;
        }

        return (product, square);
    }

    /// <summary>The nearest whole number, the even one of two that are as near, from -32 to 31.</summary>
    private static Vector256<float> Codes(Vector256<float> values) =>
        Vector256.Min(Vector256.Max(Vector256.Round(values), Vector256.Create((float)-Middle)), Vector256.Create(Middle - 1f));

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
}
