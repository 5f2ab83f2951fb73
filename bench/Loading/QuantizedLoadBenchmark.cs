using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// Loads a model of SmolLM-135M's shape that is quantised in each form, from a file in the page cache, beside the same model in bfloat16: bytes of the
/// file and values a second, and the most memory that was taken over what the model holds in the end.
/// </summary>
internal static class QuantizedLoadBenchmark
{
    private const int Repetitions = 5;
    private const string Weights = "model.safetensors";

    private static readonly (string Name, string Quantization, Func<long, long, Part[]> Parts)[] Forms =
    [
        ("GPTQ 4-bit", """{"quant_method": "gptq", "bits": 4, "group_size": 64}""", (outputs, inputs) =>
            [new("qweight", TensorDataType.I32, inputs / 8, outputs), new("qzeros", TensorDataType.I32, inputs / 64, outputs / 8), new("scales", TensorDataType.F16, inputs / 64, outputs)]),
        ("AWQ 4-bit", """{"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm"}""", (outputs, inputs) =>
            [new("qweight", TensorDataType.I32, inputs, outputs / 8), new("qzeros", TensorDataType.I32, inputs / 64, outputs / 8), new("scales", TensorDataType.F16, inputs / 64, outputs)]),
        ("compressed-tensors 4-bit", """{"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 64}}}}""", (outputs, inputs) =>
            [new("weight_packed", TensorDataType.I32, outputs, inputs / 8), new("weight_scale", TensorDataType.F16, outputs, inputs / 64)]),
        ("MXFP4", """{"quant_method": "compressed-tensors"}""", (outputs, inputs) =>
            [new("weight_packed", TensorDataType.U8, outputs, inputs / 2), new("weight_scale", TensorDataType.U8, outputs, inputs / 32)]),
        ("FP8", """{"quant_method": "fp8", "weight_block_size": [128, 128]}""", (outputs, inputs) =>
            [new("weight", TensorDataType.F8E4M3, outputs, inputs), new("weight_scale_inv", TensorDataType.F32, (outputs + 127) / 128, (inputs + 127) / 128)]),
        ("bitsandbytes 8-bit", """{"quant_method": "bitsandbytes", "load_in_8bit": true}""", (outputs, inputs) =>
            [new("weight", TensorDataType.I8, outputs, inputs), new("SCB", TensorDataType.F32, outputs)]),
        ("bitsandbytes NF4", """{"quant_method": "bitsandbytes", "load_in_4bit": true}""", (outputs, inputs) =>
        [
            new("weight", TensorDataType.U8, outputs * inputs / 2, 1), new("weight.absmax", TensorDataType.U8, outputs * inputs / 64),
            new("weight.nested_absmax", TensorDataType.F32, ((outputs * inputs / 64) + 255) / 256), new("weight.nested_quant_map", TensorDataType.F32, 256),
            Part.State($$"""{"quant_type": "nf4", "blocksize": 64, "shape": [{{outputs}}, {{inputs}}], "nested_blocksize": 256, "nested_offset": 0.1}"""),
        ]),
    ];

    public static void Run()
    {
        TorchLibrary.Load();
        string plain = Directory.CreateTempSubdirectory("lora-load-").FullName;
        try
        {
            LoadModel.Write(plain, ScalarType.BFloat16);
            Table.Head("load into bfloat16, SmolLM-135M, file in the page cache", "file, GB", "load, s", "of the file, GB/s", "values, G/s", "processor time, s", "peak memory / model");
            Row("bfloat16", plain);
            foreach ((string name, string quantization, Func<long, long, Part[]> parts) in Forms)
            {
                string folder = Directory.CreateTempSubdirectory("lora-load-").FullName;
                try
                {
                    Write(plain, folder, quantization, parts);
                    Row(name, folder);
                }
                finally
                {
                    Directory.Delete(folder, recursive: true);
                }
            }
        }
        finally
        {
            Directory.Delete(plain, recursive: true);
        }
    }

    private static void Row(string name, string folder)
    {
        long size = new FileInfo(Path.Combine(folder, Weights)).Length;
        Measurement time = Measurement.InTurn([() => Load(folder).Dispose()], Repetitions)[0];
        GC.Collect();
        AllocatorTuning.KeepFreedMemory().Dispose(); // gives back what is free, which the load would use again unseen
        Machine.ResetPeakMemory();
        long before = Machine.PeakMemory();
        using CausalLanguageModel model = Load(folder);
        double peak = Machine.PeakMemory() - before;
        double values = model.named_parameters().Where(entry => entry.name != "lm_head.weight").Sum(entry => entry.parameter.NumberOfElements); // the head is the embedding
        Table.Row(
            name,
            string.Create(CultureInfo.InvariantCulture, $"{size / 1e9:F3}"),
            $"{time.Median:F3} ({time.Smallest:F3}-{time.Largest:F3})",
            time.Rate(size / 1e9),
            time.Rate(values / 1e9),
            string.Create(CultureInfo.InvariantCulture, $"{ProcessorTime(folder):F2}"),
            string.Create(CultureInfo.InvariantCulture, $"{peak / model.WeightSize:F3}"));
    }

    /// <summary>Of all threads together, the least of some loads: what other programs on the machine do not change.</summary>
    private static double ProcessorTime(string folder) => Enumerable.Range(0, Repetitions).Min(_ =>
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        Load(folder).Dispose();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    });

    private static CausalLanguageModel Load(string folder) => ModelLoader.Load(folder, CPU, ScalarType.BFloat16);

    /// <summary>The model with random codes and scales in place of its blocks' matrices.</summary>
    private static void Write(string plain, string folder, string quantization, Func<long, long, Part[]> parts)
    {
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(plain, "config.json")))!;
        config["quantization_config"] = JsonNode.Parse(quantization);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        Random random = new(1);
        SafetensorsWriter.Write(Path.Combine(folder, Weights), SafetensorsFile.ReadAll(Path.Combine(plain, Weights)).SelectMany(tensor =>
            tensor.Shape.Length == 2 && tensor.Name.Contains(".layers.", StringComparison.Ordinal)
                ? parts(tensor.Shape[0], tensor.Shape[1]).Select(part => part.Tensor(tensor.Name[..^"weight".Length], random))
                : [tensor]));
    }

    /// <summary>A tensor of a stored matrix.</summary>
    private sealed record Part(string Name, TensorDataType Type, params long[] Shape)
    {
        private byte[]? Content { get; init; }

        public static Part State(string text) => new("weight.quant_state.bitsandbytes__nf4", TensorDataType.U8, Encoding.UTF8.GetByteCount(text)) { Content = Encoding.UTF8.GetBytes(text) };

        public TensorData Tensor(string module, Random random)
        {
            byte[] bytes = Content ?? new byte[Type.ByteSize(Shape)!.Value];
            if (Content is null && Type is TensorDataType.U8 or TensorDataType.I8 or TensorDataType.I32 or TensorDataType.F8E4M3)
            {
                random.NextBytes(bytes);
            }

            return new(module + Name, Type, Shape, bytes); // scales of zero: a load takes as long with them
        }
    }
}
