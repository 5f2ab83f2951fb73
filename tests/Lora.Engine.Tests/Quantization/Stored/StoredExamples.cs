using System.Text;
using Lora.Checkpoints;

namespace Lora.Tests.Quantization;

/// <summary>
/// Matrices in each form, of random codes, with the values that they stand for, worked out in float64 from the form's description. The sizes are those
/// that every form can hold: outputs a multiple of 8, inputs of 32.
/// </summary>
internal static class StoredExamples
{
    private const int GroupSize = 32;

    private static readonly float[] Nf4 =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];

    /// <summary>The forms by name.</summary>
    public static TheoryData<string> Names { get; } = ["gptq", "awq", "nf4", "fp4 nested", "int8", "fp8", "mxfp4", "compressed-tensors"];

    /// <summary>quantization_config of a form.</summary>
    public static string Config(string form) => form switch
    {
        "gptq" => """{"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": false, "sym": false}""",
        "awq" => """{"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "zero_point": true}""",
        "nf4" or "fp4 nested" => """{"quant_method": "bitsandbytes", "load_in_4bit": true}""",
        "int8" => """{"quant_method": "bitsandbytes", "load_in_8bit": true}""",
        "fp8" => """{"quant_method": "fp8", "weight_block_size": [128, 128]}""",
        "mxfp4" => """{"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized"}""",
        _ => """{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 32}}}}""",
    };

    /// <summary>A matrix [outputs, inputs]: its parts, by what follows the module's name, and its values.</summary>
    public static ((string Name, TensorDataType Type, long[] Shape, Array Values)[] Parts, double[] Values) Of(string form, int outputs, int inputs, int seed)
    {
        int groups = inputs / GroupSize;
        int[] codes = StoredCase.Codes(outputs * inputs, 16, seed);
        int[] zeros = StoredCase.Codes(outputs * groups, 6, seed + 1).Select(zero => zero + 5).ToArray(); // [out, groups], about the middle
        Half[] scales = StoredCase.Scales(outputs * groups, seed + 2);
        double[] affine = [.. codes.Select((code, at) => (code - zeros[at / GroupSize]) * (double)scales[at / GroupSize])];
        return form switch
        {
            "gptq" => (
            [
                ("qweight", TensorDataType.I32, [inputs / 8, outputs], Turned(StoredCase.Stream(codes, 4), outputs)),
                ("qzeros", TensorDataType.I32, [groups, outputs / 8], StoredCase.Stream(Turned(zeros, outputs).Select(zero => zero - 1), 4)),
                ("scales", TensorDataType.F16, [groups, outputs], Turned(scales, outputs)),
                ("g_idx", TensorDataType.I32, [inputs], Enumerable.Range(0, inputs).Select(input => input / GroupSize).ToArray()),
            ], affine),
            "awq" => (
            [
                ("qweight", TensorDataType.I32, [inputs, outputs / 8], StoredCase.Stream(Interleaved(Turned(codes, outputs)), 4)),
                ("qzeros", TensorDataType.I32, [groups, outputs / 8], StoredCase.Stream(Interleaved(Turned(zeros, outputs)), 4)),
                ("scales", TensorDataType.F16, [groups, outputs], Turned(scales, outputs)),
            ], affine),
            "compressed-tensors" => (
            [
                ("weight_packed", TensorDataType.I32, [outputs, inputs / 8], StoredCase.Stream(codes, 4)),
                ("weight_scale", TensorDataType.F16, [outputs, groups], scales),
                ("weight_zero_point", TensorDataType.I32, [outputs / 8, groups], Turned(StoredCase.Stream(Turned(zeros, outputs), 4), groups)),
                ("weight_shape", TensorDataType.I64, [2], new long[] { outputs, inputs }),
            ], affine),
            "mxfp4" => OfMicroscaled(codes, outputs, inputs),
            "int8" => OfIntegers(outputs, inputs, seed),
            "fp8" => OfFloats(outputs, inputs, seed),
            _ => OfBitsAndBytes(form, codes, outputs, inputs, seed),
        };
    }

    private static ((string, TensorDataType, long[], Array)[], double[]) OfMicroscaled(int[] codes, int outputs, int inputs)
    {
        double[] numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6];
        byte[] powers = [.. codes.Where((_, at) => at % 32 == 0).Select(code => (byte)(118 + (code % 4)))];
        return (
        [
            ("weight_packed", TensorDataType.U8, [outputs, inputs / 2], codes.Chunk(2).Select(pair => (byte)(pair[0] | (pair[1] << 4))).ToArray()),
            ("weight_scale", TensorDataType.U8, [outputs, inputs / 32], powers),
        ], [.. codes.Select((code, at) => numbers[code] * Math.Pow(2, powers[at / 32] - 127))]);
    }

    private static ((string, TensorDataType, long[], Array)[], double[]) OfIntegers(int outputs, int inputs, int seed)
    {
        sbyte[] codes = [.. StoredCase.Codes(outputs * inputs, 255, seed).Select(code => (sbyte)(code - 127))];
        float[] magnitudes = [.. StoredCase.Scales(outputs, seed + 2).Select(scale => (float)scale * 8)];
        return (
        [
            ("weight", TensorDataType.I8, [outputs, inputs], codes),
            ("SCB", TensorDataType.F32, [outputs], magnitudes),
            ("weight_format", TensorDataType.U8, [], new byte[1]),
        ], [.. codes.Select((code, at) => code * (double)magnitudes[at / inputs] / 127)]);
    }

    private static ((string, TensorDataType, long[], Array)[], double[]) OfFloats(int outputs, int inputs, int seed)
    {
        // Signs and significands at random, exponents from 1/4 to 2.
        byte[] codes = [.. StoredCase.Codes(outputs * inputs, 64, seed).Select(code => (byte)(((code & 32) << 2) | (5 << 3) + (code & 31)))];
        (int down, int across) = ((outputs + 127) / 128, (inputs + 127) / 128);
        float[] scales = [.. StoredCase.Scales(down * across, seed + 2).Select(scale => (float)scale * 4)];
        return (
        [
            ("weight", TensorDataType.F8E4M3, [outputs, inputs], codes),
            ("weight_scale_inv", TensorDataType.F32, [down, across], scales),
        ],
        [
            .. codes.Select((code, at) => (code > 127 ? -1 : 1) * Math.Pow(2, ((code >> 3) & 15) - 7) * (1 + ((code & 7) / 8.0)) * scales[(at / inputs / 128 * across) + (at % inputs / 128)]),
        ]);
    }

    private static ((string, TensorDataType, long[], Array)[], double[]) OfBitsAndBytes(string form, int[] codes, int outputs, int inputs, int seed)
    {
        bool isNested = form.EndsWith("nested", StringComparison.Ordinal);
        string type = form[..3];
        double[] table = type == "nf4" ? [.. Nf4.Select(value => (double)value)] : [.. new[] { 1.0, -1.0 }.SelectMany(sign => new[] { 0, 0.0625, 8, 12, 4, 6, 2, 3 }.Select(value => sign * value / 12))];
        int blocks = (codes.Length + 63) / 64;
        int groups = (blocks + 255) / 256;
        string more = isNested ? """, "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.125""" : "";
        byte[] state = Encoding.UTF8.GetBytes($$"""{"quant_type": "{{type}}", "blocksize": 64, "dtype": "bfloat16", "shape": [{{outputs}}, {{inputs}}]{{more}}}""");
        float[] plain = [.. StoredCase.Scales(blocks, seed + 2).Select(scale => (float)scale * 8)];
        byte[] nested = [.. StoredCase.Codes(blocks, 256, seed + 3).Select(code => (byte)code)];
        float[] map = [.. Enumerable.Range(0, 256).Select(code => (code - 128) / 128f)];
        float[] scales = [.. StoredCase.Scales(groups, seed + 4).Select(scale => (float)scale)];
        (string, TensorDataType, long[], Array)[] parts =
        [
            ("weight", TensorDataType.U8, [codes.Length / 2, 1], codes.Chunk(2).Select(pair => (byte)((pair[0] << 4) | pair[1])).ToArray()),
            isNested ? ("weight.absmax", TensorDataType.U8, [blocks], nested) : ("weight.absmax", TensorDataType.F32, [blocks], plain),
            ("weight.quant_map", TensorDataType.F32, [16], table.Select(value => (float)value).ToArray()),
            ($"weight.quant_state.bitsandbytes__{type}", TensorDataType.U8, [state.Length], state),
            .. isNested ? new (string, TensorDataType, long[], Array)[] { ("weight.nested_absmax", TensorDataType.F32, [groups], scales), ("weight.nested_quant_map", TensorDataType.F32, [256], map) } : [],
        ];
        return (parts, [.. codes.Select((code, at) => table[code] * (isNested ? (map[nested[at / 64]] * (double)scales[at / 64 / 256]) + 0.125 : plain[at / 64]))]);
    }

    /// <summary>[rows, columns] as [columns, rows].</summary>
    private static T[] Turned<T>(T[] values, int rows)
    {
        int columns = values.Length / rows;
        return [.. from column in Enumerable.Range(0, columns) from row in Enumerable.Range(0, rows) select values[(row * columns) + column]];
    }

    /// <summary>Each eight in the order of AWQ's words.</summary>
    private static IEnumerable<int> Interleaved(int[] values) => values.Chunk(8).SelectMany(eight => new[] { 0, 2, 4, 6, 1, 3, 5, 7 }.Select(place => eight[place]));
}
