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
        Vector256<int> middle = Vector256.Create(Middle);
        for (int group = 0; group < Groups; group++)
        {
            sbyte scale = (sbyte)Math.Min(127, (int)MathF.Round(inverse * scales[group]));
            stored[group] = (byte)scale;
            float step = (float)whole * scale;
            if (step == 0 && inverses[group] == 0)
            {
                continue; // a group of nothing has no codes
            }

            // A scale that rounds to zero leaves the codes of the search.
            ReadOnlySpan<Vector256<float>> parts = MemoryMarshal.Cast<float, Vector256<float>>(values.Slice(group * GroupSize, GroupSize));
            (Vector256<float> first, Vector256<float> second) = step != 0 ? (parts[0] / step, parts[1] / step) : (parts[0] * inverses[group], parts[1] * inverses[group]);
            Vector256<short> found = Vector256.Narrow(Vector256.ConvertToInt32Native(Codes(first)) + middle, Vector256.ConvertToInt32Native(Codes(second)) + middle);
            Vector128.Narrow(found.GetLower(), found.GetUpper()).AsByte().CopyTo(codes[(group * GroupSize)..]);
        }

        Pack(codes, block);
        BinaryPrimitives.WriteHalfLittleEndian(block[208..], whole);
    }

    /// <summary>The best scales of eight groups, and what values are multiplied by for their codes; both 0 for a group of nothing.</summary>
    private static void Search(ReadOnlySpan<float> values, Span<float> scales, Span<float> inverses)
    {
        Span<Vector256<float>> columns = stackalloc Vector256<float>[GroupSize]; // of a value of each group
        Span<Vector256<float>> weights = stackalloc Vector256<float>[GroupSize];
        Span<Vector256<float>> weighted = stackalloc Vector256<float>[GroupSize];
        for (int column = 0; column < GroupSize; column++)
        {
            ReadOnlySpan<float> own = values[column..];
            Vector256<float> all = Vector256.Create(own[0], own[GroupSize], own[2 * GroupSize], own[3 * GroupSize], own[4 * GroupSize], own[5 * GroupSize], own[6 * GroupSize], own[7 * GroupSize]);
            columns[column] = all;
            weights[column] = all * all;
            weighted[column] = all * all * all;
        }

        Vector256<float> furthest = Vector256<float>.Zero;
        foreach (Vector256<float> column in columns)
        {
            furthest = Vector256.ConditionalSelect(Vector256.GreaterThan(Vector256.Abs(column), Vector256.Abs(furthest)), column, furthest);
        }

        Vector256<float> isNothing = Vector256.LessThan(Vector256.Abs(furthest), Vector256.Create(Nothing));
        Vector256<float> bestInverse = Vector256.Create((float)-Middle) / furthest;
        (Vector256<float> product, Vector256<float> square) = Fit(columns, weights, weighted, bestInverse);
        Vector256<float> scale = Vector256.ConditionalSelect(Vector256.Equals(square, Vector256<float>.Zero), Vector256<float>.Zero, product / square);
        Vector256<float> best = scale * product;
        for (int step = -Tries; step <= Tries; step++)
        {
            if (step == 0)
            {
                continue;
            }

            Vector256<float> inverse = Vector256.Create(-(Middle + (TryStep * step))) / furthest;
            (product, square) = Fit(columns, weights, weighted, inverse);
            Vector256<float> isBetter = Vector256.GreaterThan(square, Vector256<float>.Zero) & Vector256.GreaterThan(product * product, best * square);
            scale = Vector256.ConditionalSelect(isBetter, product / square, scale);
            best = Vector256.ConditionalSelect(isBetter, scale * product, best);
            bestInverse = Vector256.ConditionalSelect(isBetter, inverse, bestInverse);
        }

        Vector256.AndNot(scale, isNothing).CopyTo(scales);
        Vector256.AndNot(bestInverse, isNothing).CopyTo(inverses);
    }

    /// <summary>What the least squares for a scale take: sums of w x code and w code², w = x².</summary>
    private static (Vector256<float> Product, Vector256<float> Square) Fit(
        ReadOnlySpan<Vector256<float>> columns, ReadOnlySpan<Vector256<float>> weights, ReadOnlySpan<Vector256<float>> weighted, Vector256<float> inverse)
    {
        Vector256<float> product = Vector256<float>.Zero;
        Vector256<float> square = Vector256<float>.Zero;
        for (int column = 0; column < GroupSize; column++)
        {
            Vector256<float> codes = Codes(inverse * columns[column]);
            product += weighted[column] * codes;
            square += weights[column] * codes * codes;
        }

        return (product, square);
    }

    /// <summary>The nearest whole number, the even one of two that are as near, from -32 to 31.</summary>
    private static Vector256<float> Codes(Vector256<float> values) =>
        Vector256.MinNative(Vector256.MaxNative(Vector256.Round(values), Vector256.Create((float)-Middle)), Vector256.Create(Middle - 1f));

    /// <summary>Of each 128 codes: 64 bytes with the lower halves of the first and second 32 beside those of the third and fourth; 32 bytes with the rest of all four.</summary>
    private static void Pack(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        for (int half = 0; half < 2; half++)
        {
            ReadOnlySpan<byte> all = codes.Slice(half * 128, 128);
            Span<byte> low = block.Slice(half * 64, 64);
            Span<byte> high = block.Slice(128 + (half * 32), 32);
            (Vector256<byte> one, Vector256<byte> two, Vector256<byte> three, Vector256<byte> four) =
                (Vector256.Create(all[..32]), Vector256.Create(all[32..64]), Vector256.Create(all[64..96]), Vector256.Create(all[96..]));
            Vector256<byte> lower = Vector256.Create((byte)15);
            ((one & lower) | (three << 4)).CopyTo(low);
            ((two & lower) | (four << 4)).CopyTo(low[32..]);
            ((one >> 4) | ((two >> 4) << 2) | ((three >> 4) << 4) | ((four >> 4) << 6)).CopyTo(high);
        }
    }
}
