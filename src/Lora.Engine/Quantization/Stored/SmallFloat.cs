using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// The values of floats of 8 and 4 bits: E4M3 and E5M2 as OCP's 8-bit floating point specification (1.0) has them and their FNUZ forms (arXiv
/// 2206.02915), E2M1 and E8M0 as OCP's microscaling specification (1.0) has them.
/// </summary>
internal static class SmallFloat
{
    private const int SingleMantissaBits = 23;
    private const byte NoPower = 255;

    /// <summary>The 16 values of E2M1: sign, two bits of exponent, one of mantissa.</summary>
    public static float[] FourBits { get; } = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    /// <summary>The 256 values of a format of 8 bits in the order of their codes.</summary>
    public static float[] ValuesOf(TensorDataType type) => type switch
    {
        TensorDataType.F8E4M3 => Values(mantissaBits: 3, bias: 7, code => (code & 127) == 127 ? float.NaN : null),
        TensorDataType.F8E5M2 => Values(mantissaBits: 2, bias: 15, code => (code & 127) > 124 ? float.NaN : (code & 127) == 124 ? float.PositiveInfinity : null),

        // FNUZ: one more of bias, neither infinities nor a negative zero, whose code is the only NaN.
        TensorDataType.F8E4M3Fnuz => Values(mantissaBits: 3, bias: 8, code => code == 128 ? float.NaN : null),
        TensorDataType.F8E5M2Fnuz => Values(mantissaBits: 2, bias: 16, code => code == 128 ? float.NaN : null),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>A scale of 8 bits of exponent, E8M0: 2^(code - 127); the last code is NaN.</summary>
    public static float PowerOfTwo(byte code) => code switch
    {
        NoPower => float.NaN,
        0 => BitConverter.UInt32BitsToSingle(1u << (SingleMantissaBits - 1)), // 2^-127 is below float32's normal numbers
        _ => BitConverter.UInt32BitsToSingle((uint)code << SingleMantissaBits),
    };

    private static float[] Values(int mantissaBits, int bias, Func<int, float?> special) => [.. Enumerable.Range(0, 256).Select(code =>
    {
        int exponent = (code & 127) >> mantissaBits;
        int mantissa = code & ((1 << mantissaBits) - 1);

        // Without an exponent the leading one is missing: subnormal.
        float magnitude = special(code) ?? (exponent == 0
            ? MathF.ScaleB(mantissa, 1 - bias - mantissaBits)
            : MathF.ScaleB(mantissa + (1 << mantissaBits), exponent - bias - mantissaBits));
        return code < 128 ? magnitude : -magnitude;
    })];
}
