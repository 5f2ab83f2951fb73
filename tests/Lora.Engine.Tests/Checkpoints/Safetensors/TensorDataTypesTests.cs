using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public class TensorDataTypesTests
{
    [Theory]
    [InlineData("BOOL", 8)]
    [InlineData("F4", 4)]
    [InlineData("F6_E2M3", 6)]
    [InlineData("F6_E3M2", 6)]
    [InlineData("U8", 8)]
    [InlineData("I8", 8)]
    [InlineData("F8_E5M2", 8)]
    [InlineData("F8_E4M3", 8)]
    [InlineData("F8_E8M0", 8)]
    [InlineData("F8_E4M3FNUZ", 8)]
    [InlineData("F8_E5M2FNUZ", 8)]
    [InlineData("I16", 16)]
    [InlineData("U16", 16)]
    [InlineData("F16", 16)]
    [InlineData("BF16", 16)]
    [InlineData("I32", 32)]
    [InlineData("U32", 32)]
    [InlineData("F32", 32)]
    [InlineData("C64", 64)]
    [InlineData("F64", 64)]
    [InlineData("I64", 64)]
    [InlineData("U64", 64)]
    public void Each_name_of_the_format_has_its_width(string name, int bits)
    {
        Assert.True(TensorDataTypes.TryParse(name, out TensorDataType type));
        Assert.Equal(bits, type.BitSize());
        Assert.Equal(name, type.ToName());
    }

    [Fact]
    public void Names_are_exact() => Assert.False(TensorDataTypes.TryParse("bf16", out _));

    [Fact]
    public void A_size_that_overflows_or_ends_inside_a_byte_is_no_size()
    {
        Assert.Null(TensorDataType.F32.ByteSize([long.MaxValue, long.MaxValue, 2]));
        Assert.Null(TensorDataType.F4.ByteSize([3]));
        Assert.Equal(3, TensorDataType.F6E2M3.ByteSize([4]));
        Assert.Equal(0, TensorDataType.F32.ByteSize([long.MaxValue, long.MaxValue, 0]));
        Assert.Equal(4, TensorDataType.F32.ByteSize([]));
    }
}
