using System.Globalization;
using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Native;

namespace Lora.Bench;

/// <summary>
/// Writing a model of Llama-3.2-1B's shape, bfloat16, with an adapter on q, v and down of every block, as GGUF in each form, beside a plain copy of
/// the file that it came to, flushed to the disk as it is: the time, the processor's time on one thread, and the most memory that it took.
/// </summary>
internal static class ExportBenchmark
{
    private const int Rank = 16;
    private const int Blocks = 4;
    private const int Repetitions = 3;

    private static readonly string[] Adapted = ["q_proj.weight", "v_proj.weight", "down_proj.weight"];

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            TorchLibrary.Load();
            string source = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
            IReadOnlyList<(string Name, long[] Shape)> tensors = RequiredTensors.Of(Shapes.Llama1B(Blocks));
            WriteModel(source, tensors);
            LoraAdapter adapter = MergeBenchmark.Adapter([.. tensors.Where(tensor => Adapted.Any(role => tensor.Name.EndsWith(role, StringComparison.Ordinal)))], Rank);
            MeasureStages(Path.Combine(source, "model.safetensors"));
            Table.Head("export", "written, GB", "s, median (range)", "of the processor, s", "plain copy, s", "times the copy", "memory on top, GB");
            foreach (LoraTensorType type in new[] { LoraTensorType.BF16, LoraTensorType.F16, LoraTensorType.F32, LoraTensorType.Q8_0, LoraTensorType.Q4_0 })
            {
                Measure(adapter, source, Path.Combine(folder, $"{type}.gguf"), type);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Measure(LoraAdapter adapter, string source, string target, LoraTensorType type)
    {
        long before = Machine.Memory();
        Machine.ResetPeakMemory();
        TimeSpan used = Machine.ProcessorTime();
        Measurement time = Measurement.Of(
            () => GgufModel.WriteWithTokens(adapter, source, target, type, (_, _, _, _) => new([new("tokenizer.ggml.model", GgufValue.Of("none"))], []), new() { Overwrite = true, SkipVerification = true }), Repetitions, warmUps: 0);
        used = (Machine.ProcessorTime() - used) / Repetitions;
        long peak = Machine.PeakMemory() - before;
        Measurement copy = Measurement.Of(() => Copy(target, target + ".copy"), Repetitions, warmUps: 0);
        Table.Row(
            $"{type}",
            string.Create(CultureInfo.InvariantCulture, $"{new FileInfo(target).Length / 1e9:F2}"),
            string.Create(CultureInfo.InvariantCulture, $"{time.Median:F1} ({time.Smallest:F1}-{time.Largest:F1})"),
            string.Create(CultureInfo.InvariantCulture, $"{used.TotalSeconds:F1}"),
            string.Create(CultureInfo.InvariantCulture, $"{copy.Median:F1} ({copy.Smallest:F1}-{copy.Largest:F1})"),
            string.Create(CultureInfo.InvariantCulture, $"{time.Median / copy.Median:F2}"),
            string.Create(CultureInfo.InvariantCulture, $"{peak / 1e9:F2}"));
        File.Delete(target);
        File.Delete(target + ".copy");
    }

    /// <summary>What is done to each value on the way, by one thread, piece by piece as an export does it.</summary>
    private static void MeasureStages(string file)
    {
        const int Pieces = 1024;
        byte[] stored = new byte[GgufPiece.MostValues * sizeof(ushort)], written = new byte[GgufPiece.MostValues * sizeof(float)];
        float[] values = new float[GgufPiece.MostValues];
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(file);
        using FileStream sink = File.Create(file + ".sink");
        Table.Head("stage", "ns of the processor a value, median (range)");
        Row("read bfloat16", piece => RandomAccess.Read(handle, stored, 4096 + ((long)piece * stored.Length)));
        Row("bfloat16 to float32", _ => NumberForms.Widen(stored, TensorDataType.BF16, values));
        Row("look for what is no number", _ => Lora.Adapters.FiniteValues.AreAllOf(MemoryMarshal.AsBytes(values.AsSpan()), TensorDataType.F32));
        Row("float32 to float16", _ => NumberForms.Narrow(values, TensorDataType.F16, written));
        Row("float32 to bfloat16", _ => NumberForms.Narrow(values, TensorDataType.BF16, written));
        foreach (GgufTensorType type in new[] { GgufTensorType.Q8_0, GgufTensorType.Q4_0, GgufTensorType.Q6_K })
        {
            Row($"float32 to {type}", _ => GgufBlocks.Encode(values, type, written));
        }

        Row("write float32", _ => sink.Write(written));
        sink.Close();
        File.Delete(file + ".sink");

        static void Row(string name, Action<int> work)
        {
            Run(); // once without looking
            Measurement time = Measurement.Of([.. Enumerable.Range(0, Repetitions).Select(_ => Run())]);
            double values = (double)Pieces * GgufPiece.MostValues / 1e9;
            Table.Row(name, string.Create(CultureInfo.InvariantCulture, $"{time.Median / values:F2} ({time.Smallest / values:F2}-{time.Largest / values:F2})"));

            double Run()
            {
                TimeSpan before = Machine.ProcessorTime();
                for (int piece = 0; piece < Pieces; piece++)
                {
                    work(piece);
                }

                return (Machine.ProcessorTime() - before).TotalSeconds;
            }
        }
    }

    /// <summary>What any program does at the least: reads and writes as many bytes, and waits for the disk.</summary>
    private static void Copy(string source, string target)
    {
        using FileStream input = File.OpenRead(source);
        using FileStream output = File.Create(target);
        input.CopyTo(output, 1 << 20);
        output.Flush(flushToDisk: true);
    }

    /// <summary>A checkpoint of values as weights have them, the same few million again and again.</summary>
    private static void WriteModel(string folder, IReadOnlyList<(string Name, long[] Shape)> tensors)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), string.Create(CultureInfo.InvariantCulture, $$"""
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true, "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192,
            "num_hidden_layers": {{Blocks}}, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "rms_norm_eps": 1e-5, "rope_theta": 500000}
            """));
        TensorInfo[] infos = [.. tensors.Select(tensor => new TensorInfo
        {
            Name = tensor.Name,
            DataType = TensorDataType.BF16,
            Shape = tensor.Shape,
            File = "",
            Offset = 0,
            Length = TensorDataType.BF16.ByteSize(tensor.Shape)!.Value,
        })];
        Random random = new(1);
        ushort[] values = [.. Enumerable.Range(0, 1 << 21).Select(_ => (ushort)(BitConverter.SingleToUInt32Bits((float)((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 0.04)) >> 16))];
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan());
        using FileStream file = File.Create(Path.Combine(folder, "model.safetensors"));
        file.Write(SafetensorsWriter.Header(infos, new Dictionary<string, string>()));
        foreach (TensorInfo tensor in infos)
        {
            for (long start = 0; start < tensor.Length; start += bytes.Length)
            {
                file.Write(bytes[..(int)Math.Min(bytes.Length, tensor.Length - start)]);
            }
        }
    }
}
