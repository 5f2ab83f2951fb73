using System.Runtime.InteropServices;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Tests.Adapters;

public class FiniteValuesTests
{
    [Fact]
    public void NaN_and_infinity_are_found_in_every_type_that_has_them()
    {
        Check(TensorDataType.F64, double.MaxValue, -0.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity);
        Check(TensorDataType.F32, float.MinValue, float.Epsilon, float.NaN, float.PositiveInfinity, float.NegativeInfinity);
        Check(TensorDataType.F16, Half.MaxValue, Half.Epsilon, Half.NaN, Half.PositiveInfinity, Half.NegativeInfinity);
        Check<ushort>(TensorDataType.BF16, 0x7F7F, 0x8001, 0x7FC0, 0x7F80, 0xFF80);
    }

    [Fact]
    public void Whole_numbers_are_finite() =>
        Assert.True(FiniteValues.AreAllOf(new("x", TensorDataType.I32, [1], new byte[] { 0xFF, 0xFF, 0xFF, 0xFF })));

    private static void Check<T>(TensorDataType type, T first, T second, params T[] others)
        where T : struct
    {
        Assert.True(Holds(first, second));
        Assert.All(others, value => Assert.False(Holds(first, value)));

        bool Holds(params T[] values) => FiniteValues.AreAllOf(new("x", type, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray()));
    }
}
