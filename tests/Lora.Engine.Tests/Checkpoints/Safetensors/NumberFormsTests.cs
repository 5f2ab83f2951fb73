using System.Runtime.InteropServices;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

/// <summary>Numbers of every kind, beside .NET's own conversions, which go one by one.</summary>
public sealed class NumberFormsTests
{
    [Fact]
    public void All_halves_become_what_they_are_and_come_back()
    {
        ushort[] halves = [.. Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits), 0x3C00, 0x0001, 0x8001];
        float[] values = new float[halves.Length];
        NumberForms.Widen(MemoryMarshal.AsBytes(halves.AsSpan()), TensorDataType.F16, values);
        Assert.Equal(halves.Select(bits => Bits((float)BitConverter.UInt16BitsToHalf(bits))), values.Select(Bits));

        ushort[] back = new ushort[halves.Length];
        NumberForms.Narrow(values, TensorDataType.F16, MemoryMarshal.AsBytes(back.AsSpan()));
        Assert.Equal(halves.Where(IsNumber), back.Where((_, index) => IsNumber(halves[index])));
    }

    [Fact]
    public void Numbers_between_two_halves_become_the_nearer_one_or_the_even_one()
    {
        Random random = new(3);
        float[] values = [.. Enumerable.Range(0, 100_003).Select(_ => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32))), .. Enumerable.Range(0, 1 << 15).Select(Middle), 65504, 65519.99f, 65520, 65536, 1e-8f, -2.98e-8f, 2.99e-8f, float.MaxValue];
        ushort[] halves = new ushort[values.Length];
        NumberForms.Narrow(values, TensorDataType.F16, MemoryMarshal.AsBytes(halves.AsSpan()));
        Assert.Equal(values.Select(value => float.IsNaN(value) ? 0 : BitConverter.HalfToUInt16Bits((Half)value)), halves.Select((half, index) => float.IsNaN(values[index]) ? 0 : half));
        Assert.All(values.Zip(halves).Where(pair => float.IsNaN(pair.First)), pair => Assert.True(Half.IsNaN(BitConverter.UInt16BitsToHalf(pair.Second))));
    }

    [Fact]
    public void Bfloat16_is_the_upper_half_rounded_to_the_even_one_of_two()
    {
        float[] values = [1, BitConverter.UInt32BitsToSingle(0x3F808000), BitConverter.UInt32BitsToSingle(0x3F818000), BitConverter.UInt32BitsToSingle(0x3F808001), -0f, float.MaxValue, float.NegativeInfinity, float.NaN];
        ushort[] stored = new ushort[values.Length];
        NumberForms.Narrow(values, TensorDataType.BF16, MemoryMarshal.AsBytes(stored.AsSpan()));
        Assert.Equal([0x3F80, 0x3F80, 0x3F82, 0x3F81, 0x8000, 0x7F80, 0xFF80, 0x7FC0], stored.Select(bits => (int)bits));

        float[] back = new float[values.Length];
        NumberForms.Widen(MemoryMarshal.AsBytes(stored.AsSpan()), TensorDataType.BF16, back);
        Assert.Equal(stored.Select(bits => (uint)bits << 16), back.Select(Bits));
    }

    [Fact]
    public void Float64_is_rounded_once()
    {
        double[] values = [Math.PI, -1e-50, 1 + Math.ScaleB(1, -24), double.MaxValue];
        float[] narrow = new float[values.Length];
        NumberForms.Widen(MemoryMarshal.AsBytes(values.AsSpan()), TensorDataType.F64, narrow);
        Assert.Equal(values.Select(value => (float)value), narrow);
    }

    /// <summary>The middle between a half and the next.</summary>
    private static float Middle(int bits) => (float)(((double)BitConverter.UInt16BitsToHalf((ushort)bits) + (double)BitConverter.UInt16BitsToHalf((ushort)(bits + 1))) / 2);

    private static bool IsNumber(ushort bits) => !Half.IsNaN(BitConverter.UInt16BitsToHalf(bits));

    private static uint Bits(float value) => float.IsNaN(value) ? 0x7FC00000 : BitConverter.SingleToUInt32Bits(value);
}
