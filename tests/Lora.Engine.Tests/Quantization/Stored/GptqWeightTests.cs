using Lora.Checkpoints;

namespace Lora.Tests.Quantization;

/// <summary>The file is packed bit by bit, and the values are worked out in float64, from the format's description: neither knows the reader.</summary>
public class GptqWeightTests
{
    private const int Outputs = 96;
    private const int Inputs = 320;
    private const int GroupSize = 64;
    private const int Groups = Inputs / GroupSize;

    [Theory]
    [InlineData(2, "gptq", true)]
    [InlineData(3, "gptq", false)]
    [InlineData(4, "gptq", true)]
    [InlineData(4, "gptq_v2", false)]
    [InlineData(8, "gptq_v2", true)]
    [InlineData(3, "gptq_v2", true)]
    public void Each_code_less_its_zero_times_its_scale(int bits, string format, bool isOrdered)
    {
        int[] codes = StoredCase.Codes(Outputs * Inputs, 1 << bits); // [in, out]
        int[] zeros = StoredCase.Codes(Groups * Outputs, 1 << bits, seed: 3); // as they are stored
        Half[] scales = StoredCase.Scales(Groups * Outputs);
        int[] order = [.. Enumerable.Range(0, Inputs).Select(input => isOrdered ? input * 7 % Inputs / GroupSize : input / GroupSize)];
        int offset = format == "gptq" ? 1 : 0;
        using StoredCase form = new(
            $$"""{"quant_method": "gptq", "bits": {{bits}}, "group_size": {{GroupSize}}, "checkpoint_format": "{{format}}"}""",
            ("qweight", TensorDataType.I32, [Inputs * bits / 32, Outputs], Columns(codes, bits)),
            ("qzeros", TensorDataType.I32, [Groups, Outputs * bits / 32], zeros.Chunk(Outputs).SelectMany(row => StoredCase.Stream(row, bits)).ToArray()),
            ("scales", TensorDataType.F16, [Groups, Outputs], scales),
            ("g_idx", TensorDataType.I32, [Inputs], order));

        form.Check(
            [.. from output in Enumerable.Range(0, Outputs) from input in Enumerable.Range(0, Inputs)
                let place = (order[input] * Outputs) + output
                select (codes[(input * Outputs) + output] - (zeros[place] + offset)) * (double)scales[place]],
            [Outputs, Inputs]);
    }

    [Fact]
    public void Without_an_order_groups_follow_each_other()
    {
        int[] codes = StoredCase.Codes(Outputs * Inputs, 16);
        Half[] scales = StoredCase.Scales(Groups * Outputs);
        using StoredCase form = new("""{"quant_method": "gptq", "bits": 4}""", Plain(codes, scales));

        // The zero that symmetric files have: 8, stored as 7.
        form.Check(
            [.. from output in Enumerable.Range(0, Outputs) from input in Enumerable.Range(0, Inputs)
                select (codes[(input * Outputs) + output] - 8) * (double)scales[(input / GroupSize * Outputs) + output]],
            [Outputs, Inputs]);
    }

    [Fact]
    public void The_first_output_of_a_word_has_the_lowest_bits_and_eight_inputs_share_it()
    {
        uint[] words = new uint[4 * 8]; // 32 inputs, 8 outputs
        words[0] = 0x76543210; // output 0, inputs 0 to 7
        using StoredCase form = new(
            """{"quant_method": "gptq", "bits": 4}""",
            ("qweight", TensorDataType.I32, [4, 8], words),
            ("qzeros", TensorDataType.I32, [1, 1], new uint[1]), // one, by the first version's rule
            ("scales", TensorDataType.F16, [1, 8], Enumerable.Repeat((Half)1, 8).ToArray()));

        Assert.Equal([-1, 0, 1, 2, 3, 4, 5, 6, -1], form.Values([8, 32])[..9]);
    }

    [Theory]
    [InlineData(ScalarTypeOf.BFloat16, 8)]
    [InlineData(ScalarTypeOf.Float16, 11)]
    public void Values_are_rounded_once_to_the_model_s_dtype(ScalarTypeOf type, int significantBits)
    {
        int[] codes = StoredCase.Codes(Outputs * Inputs, 16);
        Half[] scales = StoredCase.Scales(Groups * Outputs);
        using StoredCase form = new("""{"quant_method": "gptq", "bits": 4}""", Plain(codes, scales));
        float[] exact = form.Values([Outputs, Inputs]);

        float[] rounded = form.Values([Outputs, Inputs], type: (TorchSharp.torch.ScalarType)type);

        // At most half of the last place that the dtype has.
        Assert.All(exact.Zip(rounded), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, Math.Abs(pair.First) / (1 << significantBits)));
        Assert.NotEqual(exact, rounded);
    }

    [Fact]
    public void An_order_beyond_the_groups_is_refused()
    {
        (string, TensorDataType, long[], Array)[] parts = Plain(new int[Outputs * Inputs], StoredCase.Scales(Groups * Outputs));
        using StoredCase form = new("""{"quant_method": "gptq", "bits": 4}""", [.. parts, ("g_idx", TensorDataType.I32, [Inputs], Enumerable.Repeat(Groups, Inputs).ToArray())]);

        Assert.Contains($"its order names the group {Groups}, and there are {Groups}", form.Refusal([Outputs, Inputs]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("marlin", "config.json calls its format 'marlin'")]
    public void Another_packing_is_refused_by_its_name(string format, string reason)
    {
        using StoredCase form = new($$"""{"quant_method": "gptq", "bits": 4, "checkpoint_format": "{{format}}"}""", Plain(new int[Outputs * Inputs], StoredCase.Scales(Groups * Outputs)));

        Assert.Contains(reason, form.Refusal([Outputs, Inputs]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_that_is_not_known_is_refused()
    {
        (string, TensorDataType, long[], Array)[] parts = Plain(new int[Outputs * Inputs], StoredCase.Scales(Groups * Outputs));
        using StoredCase form = new("""{"quant_method": "gptq", "bits": 4}""", [.. parts, ("low_rank", TensorDataType.F16, [4], new Half[4])]);

        Assert.Contains("it has a part low_rank", form.Refusal([Outputs, Inputs]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_shape_that_is_not_the_model_s_is_refused()
    {
        using StoredCase form = new("""{"quant_method": "gptq", "bits": 4}""", Plain(new int[Outputs * Inputs], StoredCase.Scales(Groups * Outputs)));

        Assert.Contains("its qweight has 40 rows", form.Refusal([Outputs, Inputs + 32]), StringComparison.Ordinal);
        Assert.Contains("its qweight has the shape [40, 96]; expected is [*, 88]", form.Refusal([88, Inputs]), StringComparison.Ordinal);
    }

    /// <summary>Numbers of dtypes, which an attribute can hold.</summary>
    public enum ScalarTypeOf
    {
        Float16 = 5,
        BFloat16 = 15,
    }

    private static (string, TensorDataType, long[], Array)[] Plain(int[] codes, Half[] scales) =>
    [
        ("qweight", TensorDataType.I32, [Inputs / 8, Outputs], Columns(codes, 4)),
        ("qzeros", TensorDataType.I32, [Groups, Outputs / 8], Enumerable.Repeat(0x77777777u, Groups * Outputs / 8).ToArray()),
        ("scales", TensorDataType.F16, [Groups, Outputs], scales),
    ];

    /// <summary>Each output's stream down its column: [in · bits / 32, out].</summary>
    private static uint[] Columns(int[] codes, int bits)
    {
        uint[][] columns = [.. Enumerable.Range(0, Outputs).Select(output => StoredCase.Stream(Enumerable.Range(0, Inputs).Select(input => codes[(input * Outputs) + output]), bits))];
        return [.. Enumerable.Range(0, columns[0].Length).SelectMany(word => columns.Select(column => column[word]))];
    }
}
