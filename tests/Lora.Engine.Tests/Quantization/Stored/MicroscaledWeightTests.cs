using Lora.Checkpoints;

namespace Lora.Tests.Quantization;

/// <summary>Values in float64 by the definition of the format, from codes that are packed here.</summary>
public class MicroscaledWeightTests
{
    private const int Experts = 3;
    private const int Outputs = 80;
    private const int Inputs = 96;

    private static readonly double[] Numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

    [Fact]
    public void Experts_come_as_transformers_turns_them_inputs_before_outputs()
    {
        int[] codes = StoredCase.Codes(Experts * Outputs * Inputs, 16); // [experts, out, in]
        byte[] powers = Powers(Experts * Outputs * Inputs / 32);
        using StoredCase form = new(
            """{"quant_method": "mxfp4"}""",
            ("gate_up_proj_blocks", TensorDataType.U8, [Experts, Outputs, Inputs / 32, 16], Packed(codes)),
            ("gate_up_proj_scales", TensorDataType.U8, [Experts, Outputs, Inputs / 32], powers));

        form.Check(
            [.. from expert in Enumerable.Range(0, Experts) from input in Enumerable.Range(0, Inputs) from output in Enumerable.Range(0, Outputs)
                let at = (((expert * Outputs) + output) * Inputs) + input
                select Value(codes[at]) * Math.Pow(2, powers[at / 32] - 127)],
            [Experts, Inputs, Outputs],
            "gate_up_proj");
    }

    [Theory]
    [InlineData("weight_packed", TensorDataType.U8)]
    [InlineData("weight", TensorDataType.F8E8M0)]
    public void A_layer_comes_as_it_lies(string name, TensorDataType type)
    {
        int[] codes = StoredCase.Codes(Outputs * Inputs, 16); // [out, in]
        byte[] powers = Powers(Outputs * Inputs / 32);
        using StoredCase form = new(
            """{"quant_method": "modelopt"}""",
            (name, TensorDataType.U8, [Outputs, Inputs / 2], Packed(codes)),
            ("weight_scale", type, [Outputs, Inputs / 32], powers));

        form.Check([.. codes.Select((code, at) => Value(code) * Math.Pow(2, powers[at / 32] - 127))], [Outputs, Inputs]);
    }

    [Fact]
    public void Blocks_that_are_not_whole_are_refused()
    {
        using StoredCase form = new(
            """{"quant_method": "mxfp4"}""",
            ("down_proj_blocks", TensorDataType.U8, [Experts, Outputs, 3, 16], new byte[Experts * Outputs * 48]),
            ("down_proj_scales", TensorDataType.U8, [Experts, Outputs, 3], new byte[Experts * Outputs * 3]));

        Assert.Contains("it has 90 inputs, and blocks are of 32", form.Refusal([Experts, 90, Outputs], "down_proj"), StringComparison.Ordinal);
    }

    private static double Value(int code) => (code > 7 ? -1 : 1) * Numbers[code % 8];

    private static byte[] Packed(int[] codes) => [.. codes.Chunk(2).Select(pair => (byte)(pair[0] | (pair[1] << 4)))];

    private static byte[] Powers(int count) => [.. StoredCase.Codes(count, 20, seed: 5).Select(code => (byte)(110 + code))];
}
