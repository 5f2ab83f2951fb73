using System.Globalization;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// Gradients of a batch: tokens a second, and the share of this machine's own matrix product rate that the step's necessary work reaches
/// (model FLOPs utilisation).
/// </summary>
internal static class StepBenchmark
{
    private const int Repetitions = 5;

    public static void Run()
    {
        TorchLibrary.Load();
        Table.Head("step, SmolLM-135M, 4 x 512 tokens, rank 16 on all linear layers", "s, median (range)", "tokens/s", "MFU", "peak memory, GB");
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            double ceiling = ProductBenchmark.Ceiling(type);
            using StepModel model = new(type);
            Machine.ResetPeakMemory();
            Measurement time = Measurement.Of(() => Reference(model), Repetitions);
            Row($"{type}, autograd", model, time, ceiling);
        }
    }

    private static void Row(string name, StepModel model, Measurement time, double ceiling) => Table.Row(
        name,
        $"{time.Median:F2} ({time.Smallest:F2}-{time.Largest:F2})",
        string.Create(CultureInfo.InvariantCulture, $"{model.Batch.Lengths.Sum() / time.Median:F0}"),
        string.Create(CultureInfo.InvariantCulture, $"{100 * model.Work / time.Median / ceiling:F0} % of {ceiling / 1e9:F0} GFLOP/s"),
        string.Create(CultureInfo.InvariantCulture, $"{Machine.PeakMemory() / 1e9:F1}"));

    private static void Reference(StepModel model)
    {
        using DisposeScope scope = NewDisposeScope();
        model.Supervised.SumLoss(model.Model, model.Batch).div(model.Supervised.Count).backward();
    }
}
