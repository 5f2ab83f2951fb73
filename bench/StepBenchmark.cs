using System.Globalization;
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
            $"step, SmolLM-135M with {layers} blocks, 4 x 512 tokens, rank 16 on all linear layers",
            "s, median (range)",
            "processor s, mean",
            "tokens/s",
            "MFU",
            "peak memory, GB");
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            double ceiling = ProductBenchmark.Ceiling(type);
            using StepModel model = new(type, layers);
            using ReferenceStep reference = new(model.Model);
            using IStepEngine fused = StepEngines.Choose(model.Model, model.Adapter).Engine;
            Show($"{type}, autograd", reference);
            Show($"{type}, fused", fused);
            using (AllocatorTuning.KeepFreedMemory())
            {
                Show($"{type}, autograd, freed memory kept", reference);
                Show($"{type}, fused, freed memory kept", fused);
            }

            void Show(string name, IStepEngine engine)
            {
                Machine.ResetPeakMemory();
                TimeSpan before = Machine.ProcessorTime();
                Measurement time = Measurement.Of(() => engine.AddGradients(model.Batch, model.Supervised, 1.0 / model.Supervised.Count), Repetitions);
                Row(name, model, time, (Machine.ProcessorTime() - before) / (Repetitions + 1), ceiling);
            }
        }
    }

    private static void Row(string name, StepModel model, Measurement time, TimeSpan processor, double ceiling) => Table.Row(
        name,
        $"{time.Median:F2} ({time.Smallest:F2}-{time.Largest:F2})",
        string.Create(CultureInfo.InvariantCulture, $"{processor.TotalSeconds:F2}"),
        string.Create(CultureInfo.InvariantCulture, $"{model.Batch.Lengths.Sum() / time.Median:F0}"),
        string.Create(CultureInfo.InvariantCulture, $"{100 * model.Work / time.Median / ceiling:F0} % of {ceiling / 1e9:F0} GFLOP/s"),
        string.Create(CultureInfo.InvariantCulture, $"{Machine.PeakMemory() / 1e9:F1}"));
}
