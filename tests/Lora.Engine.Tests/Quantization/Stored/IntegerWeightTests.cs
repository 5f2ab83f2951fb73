using System.Buffers.Binary;
using Lora.Checkpoints;

namespace Lora.Tests.Quantization;

/// <summary>8-bit integers of bitsandbytes, and compressed-tensors' integers of 8 and of packed 4 bits, against float64.</summary>
public class IntegerWeightTests
{
    private const int Outputs = 90;
    private const int Inputs = 200;
    private const int GroupSize = 40;
    private const int Groups = Inputs / GroupSize;

    private readonly sbyte[] bytes = [.. StoredCase.Codes(Outputs * Inputs, 255).Select(code => (sbyte)(code - 127))];

    [Fact]
    public void Bitsandbytes_has_each_row_s_largest_magnitude_at_127()
    {
        float[] magnitudes = [.. StoredCase.Scales(Outputs).Select(scale => (float)scale * 40)];
        using StoredCase form = new(
            """{"quant_method": "bitsandbytes", "load_in_8bit": true}""",
            ("weight", TensorDataType.I8, [Outputs, Inputs], bytes),
            ("SCB", TensorDataType.F32, [Outputs], magnitudes),
            ("weight_format", TensorDataType.U8, [], new byte[1]));

        form.Check([.. bytes.Select((code, at) => code * (double)magnitudes[at / Inputs] / 127)], [Outputs, Inputs]);
    }

    [Fact]
    public void An_order_of_a_gpu_s_tiles_is_refused()
    {
        using StoredCase form = new(
            """{"quant_method": "bitsandbytes", "load_in_8bit": true}""",
            ("weight", TensorDataType.I8, [Outputs, Inputs], bytes),
            ("SCB", TensorDataType.F32, [Outputs], new float[Outputs]),
            ("weight_format", TensorDataType.U8, [], new byte[] { 2 }));

        Assert.Contains("its weight_format is 2", form.Refusal([Outputs, Inputs]), StringComparison.Ordinal);
    }

    [Fact]
    public void Compressed_tensors_may_have_a_zero_for_each_row()
    {
        Half[] scales = StoredCase.Scales(Outputs);
        sbyte[] zeros = [.. StoredCase.Codes(Outputs, 20, seed: 4).Select(zero => (sbyte)(zero - 10))];
        using StoredCase form = new(
            """{"quant_method": "compressed-tensors", "format": "int-quantized"}""",
            ("weight", TensorDataType.I8, [Outputs, Inputs], bytes),
            ("weight_scale", TensorDataType.F16, [Outputs, 1], scales),
            ("weight_zero_point", TensorDataType.I8, [Outputs, 1], zeros));

        form.Check([.. bytes.Select((code, at) => (code - zeros[at / Inputs]) * (double)scales[at / Inputs])], [Outputs, Inputs]);
    }

    [Theory]
    [InlineData(4, false, false)]
    [InlineData(4, true, true)]
    [InlineData(8, true, false)]
    [InlineData(3, false, true)]
    public void Packed_integers_have_zeros_and_an_order_or_neither(int bits, bool hasZeros, bool isOrdered)
    {
        int[] codes = StoredCase.Codes(Outputs * Inputs, 1 << bits);
        int[] zeros = StoredCase.Codes(Outputs * Groups, 1 << bits, seed: 3); // [out, groups], moved up as codes are
        Half[] scales = StoredCase.Scales(Outputs * Groups);
        int[] order = [.. Enumerable.Range(0, Inputs).Select(input => isOrdered ? input * 7 % Inputs / GroupSize : input / GroupSize)];
        List<(string, TensorDataType, long[], Array)> parts =
        [
            ("weight_packed", TensorDataType.I32, [Outputs, Words(Inputs, bits)], Packed(codes.Chunk(Inputs), bits)),
            ("weight_scale", TensorDataType.F16, [Outputs, Groups], scales),
            ("weight_shape", TensorDataType.I64, [2], new long[] { Outputs, Inputs }),
        ];
        if (hasZeros)
        {
            // Down the outputs: each group's column is packed, and the columns lie side by side.
            uint[][] columns = [.. Enumerable.Range(0, Groups).Select(group => Packed([[.. Enumerable.Range(0, Outputs).Select(output => zeros[(output * Groups) + group])]], bits))];
            parts.Add(("weight_zero_point", TensorDataType.I32, [Words(Outputs, bits), Groups], Enumerable.Range(0, columns[0].Length).SelectMany(word => columns.Select(column => column[word])).ToArray()));
        }

        if (isOrdered)
        {
            parts.Add(("weight_g_idx", TensorDataType.I32, [Inputs], order));
        }

        using StoredCase form = new(Config(bits), [.. parts]);
        form.Check(
            [.. from output in Enumerable.Range(0, Outputs) from input in Enumerable.Range(0, Inputs)
                let place = (output * Groups) + order[input]
                select (codes[(output * Inputs) + input] - (hasZeros ? zeros[place] : 1 << (bits - 1))) * (double)scales[place]],
            [Outputs, Inputs]);
    }

    [Fact]
    public void A_word_is_the_one_that_compressed_tensors_documents()
    {
        // 1 and 2 of 8 bits, moved up by 128, in one word: 33409 (its pack_to_int32).
        byte[] word = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(word, 33409);
        using StoredCase form = new(
            """{"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8}}}}""",
            ("weight_packed", TensorDataType.I32, [1, 1], word),
            ("weight_scale", TensorDataType.F32, [1, 1], new float[] { 1 }),
            ("weight_shape", TensorDataType.I64, [2], new long[] { 1, 2 }));

        Assert.Equal([1, 2], form.Values([1, 2]));
    }

    private static string Config(int bits) => $$"""
        {
          "quant_method": "compressed-tensors",
          "config_groups": { "group_0": { "weights": { "num_bits": {{bits}}, "group_size": {{GroupSize}} } } }
        }
        """;

    private static int Words(int codes, int bits) => (codes + (32 / bits) - 1) / (32 / bits);

    /// <summary>As many whole codes as a word holds, lowest bits first; what is left of 32 bits stays empty.</summary>
    private static uint[] Packed(IEnumerable<int[]> rows, int bits) =>
        [.. rows.SelectMany(row => row.Chunk(32 / bits).Select(word => word.Select((code, place) => (uint)code << (bits * place)).Aggregate(0u, (all, one) => all | one)))];
}
