using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// Gradients of a batch: tokens a second, and the share of this machine's own matrix product rate that the step's necessary work reaches
/// (model FLOPs utilisation). Processor seconds tell ways apart where other programs take the processor.
/// </summary>
internal static class StepBenchmark
{
    private const int Repetitions = 3;

    public static void Run(int layers)
    {
        TorchLibrary.Load();
        Table.Head(
            $"step, SmolLM-135M with {layers} blocks, rank 16 on all linear layers, {get_num_threads()} threads",
            "s, median (range)",
            "processor s, mean",
            "tokens/s",
            "MFU",
            "peak memory, GB");
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            using StepModel model = new(type, Shapes.SmolLM(layers));
            using ReferenceStep reference = new(model.Model);
            using IStepEngine fused = StepEngines.Choose(model.Model, model.Adapter).Engine;
            double ceiling = ProductBenchmark.Ceiling(type);
            foreach (bool keepsMemory in new[] { false, true })
            {
                using AllocatorTuning? tuning = keepsMemory ? AllocatorTuning.KeepFreedMemory() : null;
                string memory = keepsMemory ? ", freed memory kept" : "";
                Show($"{type}, 4 x 512 tokens, autograd{memory}", reference, model.Rows(512, 512, 512, 512));
                Show($"{type}, 4 x 512 tokens, fused{memory}", fused, model.Rows(512, 512, 512, 512));
            }

            Show($"{type}, 512 + 256 + 128 + 64 tokens, autograd", reference, model.Rows(512, 256, 128, 64));
            Show($"{type}, 512 + 256 + 128 + 64 tokens, fused", fused, model.Rows(512, 256, 128, 64));

            void Show(string name, IStepEngine engine, Batch batch) => Row(name, engine, batch, model.Work(batch), ceiling);
        }
    }

    private static void Row(string name, IStepEngine engine, Batch batch, double work, double ceiling)
    {
        SupervisedRows supervised = SupervisedRows.Of(batch);
        Machine.ResetPeakMemory();
        TimeSpan before = Machine.ProcessorTime();
        Measurement time = Measurement.Of(() => engine.AddGradients(batch, supervised, 1.0 / supervised.Count), Repetitions);
        double processor = (Machine.ProcessorTime() - before).TotalSeconds / (Repetitions + 1);
        Table.Row(
            name,
            $"{time.Median:F2} ({time.Smallest:F2}-{time.Largest:F2})",
            string.Create(CultureInfo.InvariantCulture, $"{processor:F2}"),
            string.Create(CultureInfo.InvariantCulture, $"{batch.Lengths.Sum() / time.Median:F0}"),
            string.Create(CultureInfo.InvariantCulture, $"{100 * work / time.Median / ceiling:F0} % of {ceiling / 1e9:F0} GFLOP/s"),
            string.Create(CultureInfo.InvariantCulture, $"{Machine.PeakMemory() / 1e9:F1}"));
    }
}
