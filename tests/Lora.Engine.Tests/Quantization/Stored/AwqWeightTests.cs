using Lora.Checkpoints;

namespace Lora.Tests.Quantization;

/// <summary>The file is packed by the order that AutoAWQ publishes, and the values are worked out in float64: neither knows the reader.</summary>
public class AwqWeightTests
{
    private const int Outputs = 136;
    private const int Inputs = 320;
    private const int GroupSize = 64;
    private const int Groups = Inputs / GroupSize;

    // The output that lies at each place of a word, lowest bits first.
    private static readonly int[] Order = [0, 2, 4, 6, 1, 3, 5, 7];

    private readonly int[] codes = StoredCase.Codes(Outputs * Inputs, 16); // [out, in]
    private readonly int[] zeros = StoredCase.Codes(Outputs * Groups, 16, seed: 3); // [out, groups]
    private readonly Half[] scales = StoredCase.Scales(Outputs * Groups); // [out, groups]

    [Fact]
    public void Outputs_of_a_word_lie_in_the_order_of_gemm()
    {
        using StoredCase form = new(
            $$"""{"quant_method": "awq", "bits": 4, "group_size": {{GroupSize}}, "version": "gemm", "zero_point": true}""",
            ("qweight", TensorDataType.I32, [Inputs, Outputs / 8], Words(codes, Inputs)),
            ("qzeros", TensorDataType.I32, [Groups, Outputs / 8], Words(zeros, Groups)),
            ("scales", TensorDataType.F16, [Groups, Outputs], Turned(scales)));

        form.Check(Expected(), [Outputs, Inputs]);
    }

    [Fact]
    public void The_fifth_four_bits_of_a_word_are_its_second_output()
    {
        uint[] words = new uint[32]; // 32 inputs, 8 outputs
        words[0] = 0x00050000;
        using StoredCase form = new(
            """{"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm"}""",
            ("qweight", TensorDataType.I32, [32, 1], words),
            ("qzeros", TensorDataType.I32, [1, 1], new uint[1]),
            ("scales", TensorDataType.F16, [1, 8], Enumerable.Repeat((Half)1, 8).ToArray()));

        Assert.Equal(5, form.Values([8, 32])[1 * 32]);
    }

    [Fact]
    public void Inputs_of_a_word_lie_in_their_order_in_gemv_and_rows_of_scales_are_filled_up()
    {
        const int Width = 2; // words for groups, of which one would do, as groups of 64 have it
        using StoredCase form = new(
            $$"""{"quant_method": "awq", "bits": 4, "group_size": {{GroupSize}}, "version": "gemv"}""",
            ("qweight", TensorDataType.I32, [Outputs, Inputs / 8], StoredCase.Stream(codes, 4)),
            ("qzeros", TensorDataType.I32, [Outputs, Width], StoredCase.Stream(zeros.Chunk(Groups).SelectMany(row => Filled(row, Width * 8)), 4)),
            ("scales", TensorDataType.F16, [Outputs, Width * 8], scales.Chunk(Groups).SelectMany(row => Filled(row, Width * 8)).ToArray()));

        form.Check(Expected(), [Outputs, Inputs]);
    }

    [Theory]
    [InlineData("""{"quant_method": "awq", "bits": 4, "group_size": 64, "version": "marlin"}""", "config.json calls its version 'marlin'; gemm and gemv are read")]
    [InlineData("""{"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"}""", "it has 5 groups for 320 inputs in groups of 128")]
    public void What_config_json_says_otherwise_is_refused(string config, string reason)
    {
        using StoredCase form = new(
            config,
            ("qweight", TensorDataType.I32, [Inputs, Outputs / 8], Words(codes, Inputs)),
            ("qzeros", TensorDataType.I32, [Groups, Outputs / 8], Words(zeros, Groups)),
            ("scales", TensorDataType.F16, [Groups, Outputs], Turned(scales)));

        Assert.Contains(reason, form.Refusal([Outputs, Inputs]), StringComparison.Ordinal);
    }

    private double[] Expected() =>
        [.. from output in Enumerable.Range(0, Outputs) from input in Enumerable.Range(0, Inputs)
            let place = (output * Groups) + (input / GroupSize)
            select (codes[(output * Inputs) + input] - zeros[place]) * (double)scales[place]];

    /// <summary>[out, columns] as [columns, out / 8] words.</summary>
    private static uint[] Words(int[] values, int columns) =>
        [.. from column in Enumerable.Range(0, columns) from word in Enumerable.Range(0, Outputs / 8)
            select Order.Select((output, place) => (uint)values[(((word * 8) + output) * columns) + column] << (4 * place)).Aggregate(0u, (all, one) => all | one)];

    private static Half[] Turned(Half[] values) => [.. from share in Enumerable.Range(0, Groups) from output in Enumerable.Range(0, Outputs) select values[(output * Groups) + share]];

    private static IEnumerable<T> Filled<T>(T[] row, int length) => row.Concat(Enumerable.Repeat(default(T)!, length - row.Length));
}
