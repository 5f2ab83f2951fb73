using System.Globalization;
using System.Text.Json;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Gradients of a batch of BERT-base, masked and of whole rows, by autograd: tokens a second, and the share of the machine's own product rate.</summary>
internal static class EncoderBenchmark
{
    private const int Repetitions = 3;
    private const int Rank = 16;
    private const int Hidden = 768;
    private const int Intermediate = 3072;
    private const int Layers = 12;
    private const int Vocabulary = 30522;
    private static readonly string[] Roles =
        ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"];

    public static void Run()
    {
        TorchLibrary.Load();
        double ceiling = ProductBenchmark.Ceiling(ScalarType.Float32);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"\nBERT-base, Float32, rank 16 on all linear layers of the blocks, {get_num_threads()} threads; products reach {ceiling / 1e9:F0} GFLOP/s\n"));
        Table.Head("step", "s, median (range)", "tokens/s", "MFU", "peak memory, GB");
        using JsonDocument config = JsonDocument.Parse($$"""{"vocab_size": {{Vocabulary}}}""");
        ConfigValues values = new("config.json", config.RootElement);
        TaskShape shape = KnownEncoders.Find("bert")!.Read(values, new(TaskKind.MaskedLM), labels: 0);
        using TaskModel model = shape.Build(new RandomWeights(new Generator(1, CPU), ScalarType.Float32), CPU);
        AdapterTarget[] targets = [.. Enumerable.Range(0, Layers).SelectMany(layer => Roles.Select(role => new AdapterTarget($"bert.encoder.layer.{layer}.{role}", Rank, Scaling: 2)))];
        using AttachedAdapter adapter = new(model, new LoraConfig { Rank = Rank }, targets, CPU, seed: 1);
        using ReferenceStep step = new(model);
        Show("8 x 128, masked language modelling", [.. Enumerable.Repeat(128, 8)]);
        Show("4 x 512, masked language modelling", [.. Enumerable.Repeat(512, 4)]);
        Show("8 rows of 16 to 128, padded", [16, 32, 48, 64, 80, 96, 112, 128]);

        void Show(string name, int[] lengths)
        {
            Batch batch = Rows(lengths);
            SupervisedRows rows = SupervisedRows.Of(batch);
            using AllocatorTuning tuning = AllocatorTuning.KeepAllFreedMemory();
            Machine.ResetPeakMemory();
            Measurement time = Measurement.Of(() => step.AddGradients(batch, rows, 1.0 / rows.Count), Repetitions);
            Table.Row(
                name,
                $"{time.Median:F2} ({time.Smallest:F2}-{time.Largest:F2})",
                string.Create(CultureInfo.InvariantCulture, $"{batch.Lengths.Sum() / time.Median:F0}"),
                string.Create(CultureInfo.InvariantCulture, $"{100 * Work(batch, rows.Count) / time.Median / ceiling:F0} %"),
                string.Create(CultureInfo.InvariantCulture, $"{Machine.PeakMemory() / 1e9:F1}"));
        }
    }

    /// <summary>Rows of random tokens, as <see cref="TokenMasking"/> hides them.</summary>
    private static Batch Rows(int[] lengths)
    {
        Random random = new(1);
        TokenMasking masking = new(mask: 103, Vocabulary);
        return Batch.Of([.. lengths.Select((length, row) => masking.Apply(Example(length, row), (ulong)row))], padId: 0);

        TrainingExample Example(int length, int row)
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(Vocabulary))];
            return new(ids, ids, row + 1) { Place = LabelPlace.Own };
        }
    }

    /// <summary>The operations that a step cannot do without, as in <see cref="StepModel.Work"/>; attention is over all pairs of tokens, and padding is none.</summary>
    private static double Work(Batch batch, int places)
    {
        long tokens = batch.Lengths.Sum();
        double matrices = (4.0 * Hidden * Hidden) + (2.0 * Hidden * Intermediate);
        double frozen = 4.0 * tokens * Layers * matrices;
        double adapter = 6.0 * tokens * Layers * Rank * ((4 * 2 * Hidden) + (2 * (Hidden + Intermediate)));
        double attention = 4.0 * 3.5 * Layers * Hidden * batch.Lengths.Sum(length => (double)length * length);
        double head = 4.0 * places * Hidden * (Vocabulary + Hidden);
        return frozen + adapter + attention + head;
    }
}
