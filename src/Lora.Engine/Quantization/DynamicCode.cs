namespace Lora.Quantization;

/// <summary>
/// The 256 values of the signed 8-bit dynamic code (arXiv 1511.04561) as bitsandbytes makes them: for each of seven powers of ten, the middles of
/// equal stretches between a tenth and one, twice as many for each greater power; with their negatives, zero and one.
/// </summary>
internal static class DynamicCode
{
    private const int Exponents = 7;
    private static readonly float[] Middles;

    static DynamicCode()
    {
        float[] positive = [.. Enumerable.Range(0, Exponents).SelectMany(Positive)];

        // 127 positive, as many negative, zero and one: 256.
        Values = [.. positive.Select(value => -value).Append(0).Concat(positive).Append(1).Order()];
        Middles = [.. Values.Zip(Values.Skip(1), (left, right) => (left + right) * 0.5f)];
    }

    /// <summary>The values in rising order.</summary>
    public static float[] Values { get; }

    /// <summary>The code of the nearest value. Halfway between two, the even code, where bitsandbytes' search ends.</summary>
    public static byte Nearest(float value)
    {
        // The index of the first middle above the value is the number of the nearest code.
        int found = Array.BinarySearch(Middles, value);
        return (byte)(found < 0 ? ~found : found + (found & 1));
    }

    /// <summary>In float32, rounded where torch.linspace rounds: edges are counted from the nearer end, by fused products.</summary>
    private static IEnumerable<float> Positive(int exponent)
    {
        int stretches = 1 << exponent;
        float width = (1f - 0.1f) / stretches;

        // Seven powers of ten, from 10⁻⁶ to 1.
        float scale = (float)Math.Pow(10, exponent - Exponents + 1);
        return Enumerable.Range(0, stretches).Select(stretch => scale * ((Edge(stretch) + Edge(stretch + 1)) / 2));

        float Edge(int edge) => edge < (stretches + 1) / 2
            ? MathF.FusedMultiplyAdd(width, edge, 0.1f)
            : MathF.FusedMultiplyAdd(-width, stretches - edge, 1f);
    }
}
