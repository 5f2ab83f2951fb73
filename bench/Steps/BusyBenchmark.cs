using System.Diagnostics;
using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// The same steps alone and beside two processes that take all they get. With a fair share of the processor they take twice as long where there are
/// two cores; what is more is lost while threads wait for each other.
/// </summary>
internal static class BusyBenchmark
{
    /// <summary>The argument of a process that only keeps the processor busy.</summary>
    public const string Companion = "spin";

    private const int Companions = 2;
    private const int Rounds = 3;

    public static void Run()
    {
        TorchLibrary.Load();
        Table.Head($"steps, {get_num_threads()} threads", "alone, s, median (range)", $"beside {Companions} busy processes", "ratio");
        Row("2 blocks of width 192, 4 rows of 32 to 128 tokens", Shapes.Tiny(), [96, 64, 32, 128], steps: 50);
        Row("SmolLM-135M with 8 blocks, 1 x 512", Shapes.SmolLM(8), [512], steps: 4);
    }

    /// <summary>Keeps one core busy until the standard input ends.</summary>
    public static void Spin()
    {
        new Thread(Loop) { IsBackground = true }.Start();
        Console.In.ReadToEnd();

        static void Loop()
        {
            while (true)
            {
            }
        }
    }

    private static void Row(string name, ModelShape shape, int[] lengths, int steps)
    {
        using StepModel model = new(ScalarType.Float32, shape);
        using FusedStep fused = (FusedStep)StepEngines.Choose(model.Model, model.Adapter.Layers).Engine;
        using AllocatorTuning tuning = AllocatorTuning.KeepFreedMemory();
        Batch batch = model.Rows(lengths);
        SupervisedRows rows = SupervisedRows.Of(batch);
        Steps();
        List<double> alone = [];
        List<double> busy = [];
        for (int round = 0; round < Rounds; round++)
        {
            alone.Add(Measurement.Seconds(Steps));
            Process[] companions = [.. Enumerable.Range(0, Companions).Select(_ => StartCompanion())];
            busy.Add(Measurement.Seconds(Steps));
            Array.ForEach(companions, End);
        }

        (Measurement first, Measurement second) = (Measurement.Of(alone), Measurement.Of(busy));
        Table.Row($"{steps} steps, {name}", Seconds(first), Seconds(second), string.Create(CultureInfo.InvariantCulture, $"{second.Median / first.Median:F2}"));

        void Steps()
        {
            for (int step = 0; step < steps; step++)
            {
                fused.AddGradients(batch, rows, 1.0 / rows.Count);
            }
        }
    }

    private static Process StartCompanion() =>
        Process.Start(new ProcessStartInfo("dotnet", [typeof(BusyBenchmark).Assembly.Location, Companion]) { RedirectStandardInput = true })!;

    private static void End(Process companion)
    {
        companion.StandardInput.Close();
        companion.WaitForExit();
        companion.Dispose();
    }

    private static string Seconds(Measurement time) =>
        string.Create(CultureInfo.InvariantCulture, $"{time.Median:F2} ({time.Smallest:F2}-{time.Largest:F2})");
}
