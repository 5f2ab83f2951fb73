using Lora.Checkpoints;

namespace Lora.Tests.Quantization;

/// <summary>Values in float64 from the bits by the definition of the format, sign · 2^(exponent - bias) · significand.</summary>
public class Float8WeightTests
{
    private const int Outputs = 192;
    private const int Inputs = 320;

    private readonly byte[] codes = [.. StoredCase.Codes(Outputs * Inputs, 126).Select((code, index) => (byte)(code + (index % 3 == 0 ? 128 : 0)))]; // no NaN

    [Theory]
    [InlineData(new long[0], 1)]
    [InlineData(new long[] { 1 }, 1)]
    [InlineData(new long[] { Outputs }, Outputs)]
    [InlineData(new long[] { Outputs, 1 }, Outputs)]
    public void One_scale_for_all_or_one_for_each_row(long[] shape, int count)
    {
        float[] scales = [.. StoredCase.Scales(count).Select(scale => (float)scale)];
        using StoredCase form = new(
            """{"quant_method": "compressed-tensors", "format": "float-quantized"}""",
            ("weight", TensorDataType.F8E4M3, [Outputs, Inputs], codes),
            ("weight_scale", TensorDataType.F32, shape, scales),
            ("input_scale", TensorDataType.F32, [], new float[] { 3 })); // of activations, which are not quantised here

        form.Check([.. codes.Select((code, index) => E4M3(code) * scales[count == 1 ? 0 : index / Inputs])], [Outputs, Inputs]);
    }

    [Theory]
    [InlineData("""{"quant_method": "fp8", "weight_block_size": [128, 128]}""", 128, 128)]
    [InlineData("""{"quant_method": "fp8"}""", 128, 128)]
    [InlineData("""{"quant_method": "fp8", "weight_block_size": [64, 32]}""", 64, 32)]
    [InlineData("""{"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8, "block_structure": [96, 80]}}}}""", 96, 80)]
    public void One_scale_for_each_block_and_the_last_blocks_are_smaller(string config, int rows, int columns)
    {
        (int down, int across) = ((Outputs + rows - 1) / rows, (Inputs + columns - 1) / columns);
        float[] scales = [.. StoredCase.Scales(down * across).Select(scale => (float)scale)];
        using StoredCase form = new(
            config,
            ("weight", TensorDataType.F8E4M3, [Outputs, Inputs], codes),
            ("weight_scale_inv", TensorDataType.F32, [down, across], scales));

        form.Check(
            [.. codes.Select((code, index) => E4M3(code) * scales[(index / Inputs / rows * across) + (index % Inputs / columns)])],
            [Outputs, Inputs]);
    }

    [Fact]
    public void E5M2_has_two_bits_less_of_significand_and_scales_may_be_16_bits()
    {
        byte[] finite = [.. codes.Select(code => (byte)(code & 0xfb))]; // below the infinities
        using StoredCase form = new(
            """{"quant_method": "fp8"}""",
            ("weight", TensorDataType.F8E5M2, [Outputs, Inputs], finite),
            ("weight_scale", TensorDataType.F16, [1], new[] { (Half)0.5 }));

        form.Check([.. finite.Select(code => Value(code, mantissaBits: 2, bias: 15) * 0.5)], [Outputs, Inputs]);
    }

    [Fact]
    public void Without_a_scale_values_are_what_they_are()
    {
        using StoredCase form = new("{}", ("weight", TensorDataType.F8E4M3, [Outputs, Inputs], codes));

        form.Check([.. codes.Select(E4M3)], [Outputs, Inputs]);
    }

    [Fact]
    public void Scales_of_no_blocks_are_refused()
    {
        using StoredCase form = new(
            """{"quant_method": "fp8"}""",
            ("weight", TensorDataType.F8E4M3, [Outputs, Inputs], codes),
            ("weight_scale_inv", TensorDataType.F32, [5, 3], new float[15]));

        Assert.Contains("its scales of the shape [5, 3] are of no blocks of [192, 320]", form.Refusal([Outputs, Inputs]), StringComparison.Ordinal);
    }

    private static double E4M3(byte code) => Value(code, mantissaBits: 3, bias: 7);

    private static double Value(byte code, int mantissaBits, int bias)
    {
        int exponent = (code >> mantissaBits) & ((1 << (7 - mantissaBits)) - 1);
        double fraction = (code & ((1 << mantissaBits) - 1)) / (double)(1 << mantissaBits);
        return (code > 127 ? -1 : 1) * (exponent == 0 ? Math.Pow(2, 1 - bias) * fraction : Math.Pow(2, exponent - bias) * (1 + fraction));
    }
}
