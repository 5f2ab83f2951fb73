using System.Globalization;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Native;
using Lora.Tests.Checkpoints;

namespace Lora.Bench;

/// <summary>
/// Writing a model of the shape of Llama-3.2-1B, bfloat16, with an adapter on every projection: the time, and the most memory that it took.
/// The source has holes in place of values, so reading it costs next to nothing; what is written is written whole.
/// </summary>
internal static class MergeBenchmark
{
    private const int Rank = 16;
    private const int Repetitions = 3;

    // What the proof computes by.
    private const string Config = """
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true, "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192,
        "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "rms_norm_eps": 1e-5, "rope_theta": 500000}
        """;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            string source = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
            string target = Path.Combine(folder, "merged");
            TorchLibrary.Load();
            IReadOnlyList<(string Name, long[] Shape)> tensors = RequiredTensors.Of(Shapes.Llama1B(16));
            SparseCheckpoint.Write(source, tensors, shardCount: 2, Config);
            LoraAdapter adapter = Adapter([.. tensors.Where(tensor => tensor.Name.EndsWith("_proj.weight", StringComparison.Ordinal))], Rank);
            long size = Directory.GetFiles(source).Sum(file => new FileInfo(file).Length);
            Table.Head("merge, Llama-3.2-1B's shape, bfloat16, rank 16 on all projections", "written, GB", "s, median (range)", "processor s", "memory on top, GB");
            foreach (bool isProven in new[] { false, true })
            {
                long before = Machine.Memory();
                Machine.ResetPeakMemory();
                ModelMergeOptions options = new() { Overwrite = true, SkipVerification = !isProven };
                string verification = "";
                TimeSpan used = Machine.ProcessorTime();
                Measurement time = Measurement.Of(() => verification = $"{ModelMerge.Write(adapter, source, target, options).Verification}", Repetitions, warmUps: 0);
                used = (Machine.ProcessorTime() - used) / Repetitions;
                Table.Row(
                    verification,
                    Gigabytes(size),
                    string.Create(CultureInfo.InvariantCulture, $"{time.Median:F1} ({time.Smallest:F1}-{time.Largest:F1})"),
                    string.Create(CultureInfo.InvariantCulture, $"{used.TotalSeconds:F1}"),
                    Gigabytes(Machine.PeakMemory() - before));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>An adapter of weights whose values are zero: what is measured does not depend on them.</summary>
    public static LoraAdapter Adapter(IReadOnlyList<(string Name, long[] Shape)> weights, int rank) => new()
    {
        Config = new() { Rank = rank, TargetModule = [.. weights.Select(weight => weight.Name.Split('.')[^2]).Distinct()] },
        Tensors = [.. weights.SelectMany(weight => Factors(weight.Name[..^".weight".Length], weight.Shape, rank))],
    };

    private static IEnumerable<TensorData> Factors(string module, long[] weight, int rank)
    {
        yield return Zeros(PeftKey.Of(module, "lora_A.weight"), [rank, weight[1]]);
        yield return Zeros(PeftKey.Of(module, "lora_B.weight"), [weight[0], rank]);
    }

    private static TensorData Zeros(string name, long[] shape) => new(name, TensorDataType.F32, shape, new byte[sizeof(float) * shape[0] * shape[1]]);

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2}");
}
