using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Quantization;

/// <summary>The tables against libtorch's own conversions, and against numbers that the specifications print.</summary>
public class SmallFloatTests
{
    [Theory]
    [InlineData(TensorDataType.F8E5M2, 23)]
    [InlineData(TensorDataType.F8E4M3, 24)]
    [InlineData(TensorDataType.F8E5M2Fnuz, 25)]
    [InlineData(TensorDataType.F8E4M3Fnuz, 26)]
    public void All_256_values_are_libtorch_s(TensorDataType type, int scalarType) =>
        Assert.Equal(Converted(scalarType), SmallFloat.ValuesOf(type));

    [Fact]
    public void All_256_powers_are_libtorch_s() => Assert.Equal(Converted(44), Enumerable.Range(0, 256).Select(code => SmallFloat.PowerOfTwo((byte)code)));

    [Fact]
    public void Ends_are_those_of_the_specifications()
    {
        float[] e4m3 = SmallFloat.ValuesOf(TensorDataType.F8E4M3);
        float[] e5m2 = SmallFloat.ValuesOf(TensorDataType.F8E5M2);

        // OCP 8-bit floating point, table 1: largest normal, smallest normal, largest and smallest subnormal, in the codes that it prints.
        Assert.Equal([448, MathF.Pow(2, -6), 0.875f * MathF.Pow(2, -6), MathF.Pow(2, -9)], new[] { 0x7e, 0x08, 0x07, 0x01 }.Select(code => e4m3[code]));
        Assert.Equal([57344, MathF.Pow(2, -14), 0.75f * MathF.Pow(2, -14), MathF.Pow(2, -16), float.PositiveInfinity], new[] { 0x7b, 0x04, 0x03, 0x01, 0x7c }.Select(code => e5m2[code]));
        Assert.All([e4m3[0x7f], e4m3[0xff], e5m2[0x7d], e5m2[0xff]], value => Assert.True(float.IsNaN(value)));

        // OCP microscaling, table 5: the largest and the smallest number of E2M1, and the only subnormal.
        Assert.Equal([6, 1, 0.5f, -6], new[] { 7, 2, 1, 15 }.Select(code => SmallFloat.FourBits[code]));
    }

    [Fact]
    public void Twice_the_four_bit_values_are_the_whole_numbers_that_ggml_keeps() =>
        Assert.Equal([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], SmallFloat.FourBits.Select(value => value * 2));

    private static float[] Converted(int scalarType)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor codes = Arithmetic.Range(0, 256, ScalarType.Int32, CPU).to(ScalarType.Byte);
        Tensor values = TensorMemory.View(TensorMemory.Address(codes), (ScalarType)scalarType, [256], CPU).to(ScalarType.Float32);
        return MemoryMarshal.Cast<byte, float>(values.bytes).ToArray();
    }
}
