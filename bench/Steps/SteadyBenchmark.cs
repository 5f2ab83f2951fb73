using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Whether a long run's memory stays where it is: a thousand steps of batches whose lengths differ, with freed memory given back and kept.</summary>
internal static class SteadyBenchmark
{
    private const int Steps = 1000;
    private const int Interval = 100;

    private static readonly (string Name, Func<AllocatorTuning> Tune)[] Ways =
        [("given back", AllocatorTuning.ReturnFreedMemory), ("kept", AllocatorTuning.KeepFreedMemory)];

    public static void Run()
    {
        TorchLibrary.Load();
        using StepModel model = new(ScalarType.Float32, Shapes.Tiny());
        using FusedStep fused = (FusedStep)StepEngines.Choose(model.Model, model.Adapter.Layers).Engine;
        Batch[] batches = [.. Enumerable.Range(0, 10).Select(index => model.Rows(96 + index, 64, 32 + (3 * index), 128))];
        SupervisedRows[] rows = [.. batches.Select(SupervisedRows.Of)];
        foreach ((string name, Func<AllocatorTuning> tune) in Ways)
        {
            using AllocatorTuning tuning = tune();
            Console.WriteLine();
            Table.Head($"steps, freed memory {name}", "resident memory, MB", "page faults a step", "managed bytes allocated a step");
            Run(fused, batches, rows);
        }
    }

    private static void Run(FusedStep fused, Batch[] batches, SupervisedRows[] rows)
    {
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        long? faults = Machine.PageFaults();
        for (int step = 1; step <= Steps; step++)
        {
            int index = step % batches.Length;
            fused.AddGradients(batches[index], rows[index], 1.0 / rows[index].Count);
            AllocatorTuning.TrimAfter(step); // as runs do
            if (step % Interval == 0)
            {
                long now = GC.GetTotalAllocatedBytes(precise: true);
                Table.Row(
                    step.ToString(CultureInfo.InvariantCulture),
                    Megabytes(Machine.Memory()),
                    string.Create(CultureInfo.InvariantCulture, $"{(Machine.PageFaults() - faults) / Interval:N0}"),
                    string.Create(CultureInfo.InvariantCulture, $"{(now - allocated) / Interval:N0}"));
                allocated = GC.GetTotalAllocatedBytes(precise: true);
                faults = Machine.PageFaults();
            }
        }
    }

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1}");
}
