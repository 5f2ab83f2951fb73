using System.Text;
using Lora.Checkpoints;
using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Tests.Quantization;

/// <summary>Values in float64, from the tables of bitsandbytes' kernels and codes that are packed here.</summary>
public class BitsAndBytesWeightTests
{
    private const int Outputs = 50;
    private const int Inputs = 331; // an odd number of values in a row, and a last block that is not whole
    private const int Count = Outputs * Inputs;

    // As bitsandbytes' kernels print them.
    private static readonly float[] Nf4 =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];

    private static readonly float[] Fp4 =
    [
        0.0f, 0.005208333333f, 0.66666667f, 1.0f, 0.33333333f, 0.5f, 0.16666667f, 0.25f,
        -0.0f, -0.005208333333f, -0.66666667f, -1.0f, -0.33333333f, -0.5f, -0.16666667f, -0.25f,
    ];

    private readonly int[] codes = StoredCase.Codes(Count, 16);

    [Theory]
    [InlineData("nf4", 64)]
    [InlineData("fp4", 64)]
    [InlineData("nf4", 32)]
    [InlineData("nf4", 4096)]
    public void Each_code_s_value_times_its_block_s_magnitude(string type, int blockSize)
    {
        float[] magnitudes = [.. StoredCase.Scales((Count + blockSize - 1) / blockSize).Select(scale => (float)scale)];
        float[] table = type == "nf4" ? Nf4 : Fp4;
        using StoredCase form = new("""{"quant_method": "bitsandbytes", "load_in_4bit": true}""", Plain(type, blockSize, magnitudes, table));

        form.Check([.. codes.Select((code, at) => table[code] * (double)magnitudes[at / blockSize])], [Outputs, Inputs]);
        CheckTaken(form);
    }

    [Theory]
    [InlineData(256)]
    [InlineData(64)]
    public void Magnitudes_that_are_quantised_in_turn_have_a_table_scales_and_an_offset(int group)
    {
        const int BlockSize = 64;
        const int Blocks = (Count + BlockSize - 1) / BlockSize;
        byte[] magnitudes = [.. StoredCase.Codes(Blocks, 256, seed: 4).Select(code => (byte)code)];
        float[] map = [.. Enumerable.Range(0, 256).Select(code => (code - 128) / 128f)]; // another table than the usual one: the file's is taken
        float[] scales = [.. StoredCase.Scales((Blocks + group - 1) / group).Select(scale => (float)scale)];
        using StoredCase form = new(
            """{"quant_method": "bitsandbytes", "load_in_4bit": true}""",
            ("weight", TensorDataType.U8, [(Count + 1) / 2, 1], Packed()),
            ("weight.absmax", TensorDataType.U8, [Blocks], magnitudes),
            ("weight.quant_map", TensorDataType.F32, [16], Nf4),
            ("weight.nested_absmax", TensorDataType.F32, [scales.Length], scales),
            ("weight.nested_quant_map", TensorDataType.F32, [256], map),
            State("nf4", BlockSize, $$""", "nested_blocksize": {{group}}, "nested_dtype": "float32", "nested_offset": 0.0625"""));

        form.Check(
            [.. codes.Select((code, at) => Nf4[code] * ((map[magnitudes[at / BlockSize]] * (double)scales[at / BlockSize / group]) + 0.0625))],
            [Outputs, Inputs]);
        CheckTaken(form);
    }

    [Theory]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "shape": [50, 330]}""", "its quant_state has the shape [50, 330]; expected is [50, 331]")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 48, "shape": [50, 331]}""", "its blocks have 48 values")]
    [InlineData("""{"quant_type": "af4", "blocksize": 64, "shape": [50, 331]}""", "its quant_type is 'af4'; nf4 and fp4 are read")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64}""", "its quant_state cannot be read")]
    [InlineData("""{"quant_type": "nf4", "blocksize": "64", "shape": [50, 331]}""", "its quant_state cannot be read")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "shape": [50, 331], "nested_blocksize": 256, "nested_offset": NaN}""", "its quant_state cannot be read")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 128, "shape": [50, 331]}""", "its weight.absmax has the shape [259]; expected is [130]")]
    public void A_state_that_does_not_fit_is_refused(string state, string reason)
    {
        (string, TensorDataType, long[], Array)[] parts = Plain("nf4", 64, new float[259], Nf4);
        using StoredCase form = new("{}", [.. parts[..^1], ("weight.quant_state.bitsandbytes__nf4", TensorDataType.U8, [state.Length], Encoding.UTF8.GetBytes(state))]);

        Assert.Contains(reason, form.Refusal([Outputs, Inputs]), StringComparison.Ordinal);
    }

    /// <summary>As it is kept, in 4 bits, it has the same values to the last bit, by vectors and by operators.</summary>
    private static void CheckTaken(StoredCase form)
    {
        float[] values = form.Values([Outputs, Inputs]);
        Assert.Equal(values, form.TakenValues([Outputs, Inputs], KernelSet.Of(CPU, ScalarType.Float32)));
        Assert.Equal(values, form.TakenValues([Outputs, Inputs], new TorchKernels()));
    }

    private (string, TensorDataType, long[], Array)[] Plain(string type, int blockSize, float[] magnitudes, float[] table) =>
    [
        ("weight", TensorDataType.U8, [(Count + 1) / 2, 1], Packed()),
        ("weight.absmax", TensorDataType.F32, [magnitudes.Length], magnitudes),
        ("weight.quant_map", TensorDataType.F32, [16], table),
        State(type, blockSize, ""),
    ];

    private static (string, TensorDataType, long[], Array) State(string type, int blockSize, string more)
    {
        byte[] text = Encoding.UTF8.GetBytes($$"""{"quant_type": "{{type}}", "blocksize": {{blockSize}}, "dtype": "bfloat16", "shape": [{{Outputs}}, {{Inputs}}]{{more}}}""");
        return ($"weight.quant_state.bitsandbytes__{type}", TensorDataType.U8, [text.Length], text);
    }

    /// <summary>The first of two codes in the upper half.</summary>
    private byte[] Packed() => [.. codes.Chunk(2).Select(pair => (byte)((pair[0] << 4) | (pair.Length > 1 ? pair[1] : 0)))];
}
